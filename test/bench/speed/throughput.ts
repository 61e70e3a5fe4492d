import { type Finding, type Goal, progress, type Row } from '../parts/command-line.js'
import { type LoadFigures, load, type Workload } from '../parts/load-generator.js'
import { median } from '../parts/percentiles.js'
import { cpuSeconds } from '../parts/process-figures.js'
import type { Subject } from '../parts/running-subject.js'
import { LIMITS, OURS, PEERS, startByName, startOrigin } from '../parts/subject.js'

/** How long and how often everything is measured. */
export interface Rounds {
  readonly rounds: number
  readonly seconds: number
}

/** One run of one subject. */
export interface Run extends LoadFigures {
  /** Requests for each second of processor time that the subject used. */
  readonly perCpuSecond: number
}

/** Runs by subject, in the order of the rounds. */
export type Runs = Readonly<Record<string, readonly Run[]>>

/** Puts one load on one subject. */
export type Measure = (subject: Subject) => Promise<LoadFigures>

/** All subjects in turn, round by round, so that whatever else the machine does meets each. */
export async function inTurn(
  title: string,
  subjects: Readonly<Record<string, Subject>>,
  rounds: number,
  measure: Measure,
): Promise<Runs> {
  const runs: Record<string, Run[]> = {}
  for (let round = 0; round < rounds; round += 1) {
    progress(`${title}, round ${round + 1} of ${rounds}`)
    for (const [name, subject] of Object.entries(subjects)) {
      const before = cpuSeconds(subject.pid)
      const started = performance.now()
      const figures = await measure(subject)
      const seconds = (performance.now() - started) / 1e3
      const perCpuSecond = (figures.perSecond * seconds) / (cpuSeconds(subject.pid) - before)
      runs[name] = [...(runs[name] ?? []), { ...figures, perCpuSecond }]
    }
  }
  return runs
}

/** One line for each subject: medians, and how ours stands to it, round by round. */
export function rowsOf(runs: Runs): Row[] {
  return Object.entries(runs).map(([subject, its]) => {
    const ratios = ratiosTo(runs, subject)
    return {
      subject,
      'per second': Math.round(median(its.map(({ perSecond }) => perSecond))),
      'p50 ms': median(its.map(({ p50 }) => p50)),
      'p99 ms': median(its.map(({ p99 }) => p99)),
      'ours to it': median(ratios),
      from: Math.min(...ratios),
      to: Math.max(...ratios),
      'by CPU time': median(ratiosTo(runs, subject, 'perCpuSecond')),
      failed: failedOf(its),
    }
  })
}

/** How ours stands to another, round by round. */
export function ratiosTo(
  runs: Runs,
  other: string,
  by: 'perSecond' | 'perCpuSecond' = 'perSecond',
): number[] {
  const ours = runs[OURS] ?? []
  return (runs[other] ?? []).map((run, round) => (ours[round]?.[by] ?? Number.NaN) / run[by])
}

function failedOf(runs: readonly Run[] = []): number {
  return runs.reduce((sum, { failed }) => sum + failed, 0)
}

/** Of what others do wrong, the bench has no opinion. */
export function wrongIn(runs: Runs): Record<string, number> {
  return { failed: failedOf(runs[OURS]) }
}

/** A goal in the form "so many times another's". */
export function goalTo(runs: Runs, work: string, other: string | undefined, asked: number): Goal[] {
  if (other === undefined || runs[other] === undefined) return []
  const ratio = median(ratiosTo(runs, other))
  const byCpu = median(ratiosTo(runs, other, 'perCpuSecond'))
  return [
    {
      work: `${work}, against ${other}`,
      asked: `>= ${asked}`,
      reached: `${ratio.toFixed(2)} (by CPU time ${byCpu.toFixed(2)})`,
      met: ratio >= asked,
    },
  ]
}

/** The fastest of those that one could use instead; an answer that is none of 2xx is quick, and of no use. */
export function bestPeer(runs: Runs): string | undefined {
  const speed = (name: string) => median((runs[name] ?? []).map(({ perSecond }) => perSecond))
  const served = PEERS.filter((name) => runs[name] && failedOf(runs[name]) === 0)
  return served.sort((a, b) => speed(b) - speed(a))[0]
}

/** What a workload has to reach. */
const GOALS: Readonly<Record<string, (runs: Runs) => Goal[]>> = {
  'small GET': (runs) => [
    ...goalTo(runs, 'small GET', 'undici-loop', 0.95),
    ...goalTo(runs, 'small GET', bestPeer(runs), 1.25),
    ...goalTo(runs, 'small GET', 'caddy', 1.4),
    ...goalTo(runs, 'small GET', 'traefik', 1.4),
  ],
  '1 KiB POST': (runs) => goalTo(runs, '1 KiB POST', bestPeer(runs), 1.25),
  'a connection for each GET': (runs) => goalTo(runs, 'a connection for each GET', bestPeer(runs), 1.25),
  '1 MiB download': (runs) => goalTo(runs, '1 MiB download', bestPeer(runs), 1),
  '16 MiB upload': (runs) => goalTo(runs, '16 MiB upload', bestPeer(runs), 1),
}

/** Ours beside others, under one load. */
export async function compare(
  workload: Workload,
  names: readonly string[],
  { rounds, seconds }: Rounds,
): Promise<Finding> {
  const { name, bodyBytes = 0 } = workload
  const origin = await startOrigin(bodyBytes > 0)
  const subjects = await startAll(names, origin.port)
  for (const { port } of Object.values(subjects)) await load(port, workload, 1)
  const runs = await inTurn(name, subjects, rounds, ({ port }) => load(port, workload, seconds))
  await stopAll(origin, subjects)
  const goals = GOALS[name]?.(runs) ?? []
  return { title: name, rows: rowsOf(runs), goals, wrong: wrongIn(runs) }
}

/** The same proxy with more and more frontends; the one that is asked for is tried last. */
export async function manyFrontends(workload: Workload, { rounds, seconds }: Rounds): Promise<Finding> {
  const origin = await startOrigin()
  const subjects: Record<string, Subject> = {}
  for (const count of [1, 1_000, 100_000]) {
    const env = { SUBJECT_FRONTENDS: String(count) }
    subjects[count === 1 ? OURS : `${count} frontends`] = await startByName(OURS, origin.port, env)
  }
  for (const { port } of Object.values(subjects)) await load(port, workload, 1)
  const title = 'small GET, with more frontends'
  const runs = await inTurn(title, subjects, rounds, ({ port }) => load(port, workload, seconds))
  await stopAll(origin, subjects)
  const ratio = 1 / median(ratiosTo(runs, '100000 frontends'))
  const byCpu = 1 / median(ratiosTo(runs, '100000 frontends', 'perCpuSecond'))
  const reached = `${ratio.toFixed(2)} (by CPU time ${byCpu.toFixed(2)})`
  const goal = { work: '100,000 frontends against 1', asked: '>= 0.95', reached, met: ratio >= 0.95 }
  return { title, rows: rowsOf(runs), goals: [goal], wrong: wrongIn(runs) }
}

export async function startAll(
  names: readonly string[],
  originPort: number,
): Promise<Record<string, Subject>> {
  const subjects: Record<string, Subject> = {}
  for (const name of names) subjects[name] = await startByName(name, originPort)
  return subjects
}

export async function stopAll(origin: Subject, subjects: Readonly<Record<string, Subject>>): Promise<void> {
  await Promise.all(Object.values(subjects).map((subject) => subject.stop()))
  await origin.stop()
}

/** What is compared by default: ours, the limits, and all that there is. */
export function everything(systemProxies: readonly string[]): string[] {
  return [OURS, ...LIMITS, ...PEERS, ...systemProxies]
}
