import type { Finding } from '../parts/command-line.js'
import { cores } from '../parts/cores.js'
import { load } from '../parts/load-generator.js'
import { median } from '../parts/percentiles.js'
import { cpuSeconds } from '../parts/process-figures.js'
import type { Subject } from '../parts/running-subject.js'
import { startOrigin, startSubject } from '../parts/subject.js'
import { inTurn, type Rounds, rowsOf, stopAll } from './throughput.js'

/** One worker and two behind one port; nothing is pinned, and load and origin share the cores with them. */
export async function workers({ rounds, seconds }: Rounds): Promise<Finding> {
  const title = 'small GET, by one worker and by two'
  const origin = await startOrigin()
  const subjects: Record<string, Subject> = {}
  for (const count of [1, 2]) {
    const env = { SUBJECT_WORKERS: String(count) }
    const place = 'anywhere'
    subjects[`workers: ${count}`] = await startSubject('switchover-cluster', origin.port, { env, place })
  }
  const workload = { name: title, connections: 64 }
  for (const { port } of Object.values(subjects)) await load(port, workload, 1, 'anywhere')
  const shares: Record<string, number[]> = {}
  const runs = await inTurn(title, subjects, rounds, async (subject) => {
    const pids = (await subject.ask?.<number[]>('pids')) ?? []
    const used = () => pids.reduce((sum, pid) => sum + cpuSeconds(pid), 0)
    const before = used()
    const figures = await load(subject.port, workload, seconds, 'anywhere')
    const name = `workers: ${pids.length}`
    shares[name] = [...(shares[name] ?? []), (used() - before) / seconds]
    return figures
  })
  await stopAll(origin, subjects)
  const speed = (name: string) => median((runs[name] ?? []).map(({ perSecond }) => perSecond))
  const ratio = speed('workers: 2') / speed('workers: 1')
  const share = (name: string) => median(shares[name] ?? []).toFixed(2)
  return {
    title,
    rows: rowsOf(runs).map(({ subject = '', failed = 0, ...row }) => ({
      subject,
      'per second': row['per second'] ?? 0,
      'p50 ms': row['p50 ms'] ?? 0,
      'p99 ms': row['p99 ms'] ?? 0,
      'cores used': share(String(subject)),
      failed,
    })),
    notes: [`${cores} cores in all; what the workers did not use, load and origin took`],
    goals: [
      {
        work: 'two workers against one',
        asked: 'as near 2 as the machine lets',
        reached: `${ratio.toFixed(2)}; the workers had ${share('workers: 2')} of ${cores} cores, one alone ${share('workers: 1')}`,
      },
    ],
    wrong: {
      failed: Object.values(runs)
        .flat()
        .reduce((sum, run) => sum + run.failed, 0),
    },
  }
}
