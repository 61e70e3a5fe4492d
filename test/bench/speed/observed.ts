import { rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Finding, Goal } from '../parts/command-line.js'
import { load, type Workload } from '../parts/load-generator.js'
import { median } from '../parts/percentiles.js'
import type { Subject } from '../parts/running-subject.js'
import { OURS, startByName, startOrigin } from '../parts/subject.js'
import { inTurn, type Rounds, ratiosTo, rowsOf, stopAll, wrongIn } from './throughput.js'

/** What each kind of looking on, and what is asked of a backend, may cost of the throughput. */
const ALLOWED: Readonly<Record<string, number>> = {
  'p2c, health checks, outlier detection': 0.03,
  'metrics and status server': 0.05,
  'access log, common': 0.1,
  'access log, JSON': 0.1,
}

const WATCHED = {
  loadBalancer: { method: 'p2c' },
  healthCheck: { path: '/', interval: '1s' },
  outlierDetection: {},
}

/** The same proxy, alone, with somebody who looks on, and with servers that are watched. */
export async function observed(workload: Workload, { rounds, seconds }: Rounds): Promise<Finding> {
  const log = join(tmpdir(), `switchover-bench-${process.pid}.log`)
  const subjectsOf = {
    [OURS]: {},
    'p2c, health checks, outlier detection': { SUBJECT_BACKEND: JSON.stringify(WATCHED) },
    'metrics and status server': withOptions({ status: { address: ':0' } }),
    'access log, common': withOptions({ accessLog: { file: log } }),
    'access log, JSON': withOptions({ accessLog: { file: log, format: 'json' } }),
  }
  const origin = await startOrigin()
  const subjects: Record<string, Subject> = {}
  for (const [name, env] of Object.entries(subjectsOf))
    subjects[name] = await startByName(OURS, origin.port, env)
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

function withOptions(options: object): Record<string, string> {
  return { SUBJECT_OPTIONS: JSON.stringify(options) }
}
