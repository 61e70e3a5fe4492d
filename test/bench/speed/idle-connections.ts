import { Child } from '../parts/child.js'
import type { Finding, Row } from '../parts/command-line.js'
import { load } from '../parts/load-generator.js'
import { residentMiB } from '../parts/process-figures.js'
import type { Subject } from '../parts/running-subject.js'
import { OURS, startOrigin } from '../parts/subject.js'
import { startAll, stopAll } from './throughput.js'

const OTHER = 'http-proxy'

/** What so many clients cost that have asked once and keep their connection. */
export async function idleConnections(names: readonly string[], connections: number): Promise<Finding> {
  const origin = await startOrigin()
  const subjects = await startAll(names, origin.port)
  const rows: Row[] = []
  const growth: Record<string, number> = {}
  for (const [subject, running] of Object.entries(subjects)) {
    // What the first requests cost, compiled code above all, is not what connections cost.
    await load(running.port, { name: 'warm-up', connections: 64 }, 3)
    const clients = new Child('idle-clients')
    const before = await settled(running)
    const failed = await clients.call<number>('open', { port: running.port, connections })
    growth[subject] = (await settled(running)) - before
    await clients.stop()
    const each = (growth[subject] * 1024) / connections
    rows.push({ subject, connections, 'growth MiB': growth[subject], 'KiB each': each, failed })
  }
  await stopAll(origin, subjects)
  const ratio = (growth[OURS] ?? Number.NaN) / (growth[OTHER] ?? Number.NaN)
  const work = `growth of memory by ${connections.toLocaleString('en')} idle connections against ${OTHER}'s`
  const goal = { work, asked: '<= 1.1x', reached: `${ratio.toFixed(2)}x`, met: ratio <= 1.1 }
  const failed = Number(rows.find(({ subject }) => subject === OURS)?.['failed'])
  return { title: 'idle connections', rows, goals: OTHER in growth ? [goal] : [], wrong: { failed } }
}

/** Resident memory in MiB, of our own subjects once what is garbage is gone. */
async function settled({ pid, ask }: Subject): Promise<number> {
  if (ask) await ask('memory')
  return residentMiB(pid)
}
