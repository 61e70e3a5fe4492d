import { rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Finding, Goal } from '../parts/command-line.js'
import { load, type Workload } from '../parts/load-generator.js'
import { median } from '../parts/percentiles.js'
import type { Subject } from '../parts/running-subject.js'
import { OURS, startByName, startOrigin } from '../parts/subject.js'
import { inTurn, type Rounds, ratiosTo, rowsOf, stopAll, wrongIn } from './throughput.js'

/** What each kind of looking on may cost of the throughput. */
const ALLOWED: Readonly<Record<string, number>> = {
  'metrics and status server': 0.05,
  'access log, common': 0.1,
  'access log, JSON': 0.1,
}

/** The same proxy, alone and with somebody who looks on. */
export async function observed(workload: Workload, { rounds, seconds }: Rounds): Promise<Finding> {
  const log = join(tmpdir(), `switchover-bench-${process.pid}.log`)
  const options: Readonly<Record<string, object>> = {
    [OURS]: {},
    'metrics and status server': { status: { address: ':0' } },
    'access log, common': { accessLog: { file: log } },
    'access log, JSON': { accessLog: { file: log, format: 'json' } },
  }
  const origin = await startOrigin()
  const subjects: Record<string, Subject> = {}
  for (const [name, given] of Object.entries(options))
    subjects[name] = await startByName(OURS, origin.port, { SUBJECT_OPTIONS: JSON.stringify(given) })
  for (const { port } of Object.values(subjects)) await load(port, workload, 1)
  const title = 'small GET, with somebody who looks on'
  const runs = await inTurn(title, subjects, rounds, async ({ port }) => {
    rmSync(log, { force: true })
    return load(port, workload, seconds)
  })
  await stopAll(origin, subjects)
  rmSync(log, { force: true })
  const goals = Object.entries(ALLOWED).map(([work, allowed]): Goal => {
    const cost = 1 - 1 / median(ratiosTo(runs, work))
    const byCpu = 1 - 1 / median(ratiosTo(runs, work, 'perCpuSecond'))
    const reached = `${(cost * 100).toFixed(1)} % (by CPU time ${(byCpu * 100).toFixed(1)} %)`
    return {
      work: `${work}, cost of throughput`,
      asked: `<= ${allowed * 100} %`,
      reached,
      met: cost <= allowed,
    }
  })
  return { title, rows: rowsOf(runs), goals, wrong: wrongIn(runs) }
}
