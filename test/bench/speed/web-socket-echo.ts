import { Child } from '../parts/child.js'
import type { Finding } from '../parts/command-line.js'
import type { LoadFigures } from '../parts/load-generator.js'
import { startOrigin } from '../parts/subject.js'
import { bestPeer, goalTo, inTurn, type Rounds, rowsOf, startAll, stopAll, wrongIn } from './throughput.js'

/** These speak no WebSocket. */
const WITHOUT: ReadonlySet<string> = new Set(['node-http', 'undici-loop', 'fast-proxy', 'reply-from'])

/** Messages of 125 bytes to and fro on 64 WebSockets, one at a time on each. */
export async function webSocketEcho(names: readonly string[], { rounds, seconds }: Rounds): Promise<Finding> {
  const title = 'WebSocket echo'
  const origin = await startOrigin(true)
  const subjects = await startAll(
    names.filter((name) => !WITHOUT.has(name)),
    origin.port,
  )
  const load = new Child('web-socket-load')
  const run = (port: number, forSeconds: number) =>
    load.call<LoadFigures>('run', { port, connections: 64, bytes: 125, seconds: forSeconds })
  for (const { port } of Object.values(subjects)) await run(port, 1)
  const runs = await inTurn(title, subjects, rounds, ({ port }) => run(port, seconds))
  await load.stop()
  await stopAll(origin, subjects)
  const goals = goalTo(runs, title, bestPeer(runs), 1)
  return { title, rows: rowsOf(runs), goals, wrong: wrongIn(runs) }
}
