import { type Finding, progress, type Row } from '../parts/command-line.js'
import { loadAtRate } from '../parts/load-generator.js'
import { median } from '../parts/percentiles.js'
import { OURS, startOrigin } from '../parts/subject.js'
import { type Rounds, startAll, stopAll } from './throughput.js'

const RATE = 6_000

/** A fixed rate that none of them is hard pressed by: what is left is how long a request takes, at the tail too. */
export async function openLoop(names: readonly string[], { rounds, seconds }: Rounds): Promise<Finding> {
  const title = `small GET, ${RATE.toLocaleString('en')} a second whatever the answers`
  const origin = await startOrigin()
  const subjects = await startAll(names, origin.port)
  const settings = { rate: RATE, connections: 32, seconds }
  const runs: Record<string, Awaited<ReturnType<typeof loadAtRate>>[]> = {}
  for (const { port } of Object.values(subjects)) await loadAtRate(port, { ...settings, seconds: 1 })
  for (let round = 0; round < rounds; round += 1) {
    progress(`${title}, round ${round + 1} of ${rounds}`)
    for (const [name, { port }] of Object.entries(subjects))
      runs[name] = [...(runs[name] ?? []), await loadAtRate(port, settings)]
  }
  await stopAll(origin, subjects)
  const rows: Row[] = Object.entries(runs).map(([subject, its]) => ({
    subject,
    'per second': Math.round(median(its.map(({ perSecond }) => perSecond))),
    'p50 ms': median(its.map(({ p50 }) => p50)),
    'p99 ms': median(its.map(({ p99 }) => p99)),
    'p99.9 ms': median(its.map(({ p999 }) => p999)),
  }))
  const failed = (runs[OURS] ?? []).reduce((sum, run) => sum + run.failed, 0)
  return {
    title,
    rows,
    notes: ['whole milliseconds, by autocannon, counted from when a request was due'],
    wrong: { failed },
  }
}
