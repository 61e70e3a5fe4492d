import { parseArgs } from 'node:util'
import { medianInterval } from './parts/bootstrap.js'
import { Child } from './parts/child.js'
import { COMMON_OPTIONS, type Finding, progress, runBench } from './parts/command-line.js'
import { type Build, buildCommit, buildWorkingTree } from './parts/commit.js'
import { generatorName, type LoadFigures, load, type Workload } from './parts/load-generator.js'
import { cpuSeconds } from './parts/process-figures.js'
import type { Subject } from './parts/running-subject.js'
import { startOrigin, startSubject } from './parts/subject.js'

const HELP = `npm run bench:compare -- COMMIT [OPTIONS]

Whether the working tree is slower than a commit. Both are built, and loaded in turn, for so many rounds after a warm load.
The figure is the processor time of the proxy for each request: the commit's divided by the working tree's, so that more
than 1 is faster. "No slower" holds where the upper end of the median's 95 % interval (bootstrap) reaches the bound.
Nothing fails on time; a request that fails does.

  --only A,B       of get, post, connect, download, upload, frontends, websocket, import; default get
  --rounds N       alternating rounds; default 15 (quick: 3)
  --seconds N      each; default 3 (quick: 1)
  --bound N        what the upper end must reach; default 1
  --quick          shows that it works, not how fast
  --json FILE      the figures as JSON too
  --help           this text`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: COMMON_OPTIONS.quick,
    json: COMMON_OPTIONS.json,
    help: COMMON_OPTIONS.help,
    only: { type: 'string' },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    bound: { type: 'string' },
  },
})
const [commit] = positionals
if (values.help || commit === undefined) {
  console.log(HELP)
  process.exit(values.help ? 0 : 2)
}

const rounds = Number(values.rounds ?? (values.quick ? 3 : 15))
const seconds = Number(values.seconds ?? (values.quick ? 1 : 3))
const warmSeconds = values.quick ? 1 : 4
const bound = Number(values.bound ?? 1)

/** Puts work on a proxy for so many seconds. */
type Work = (port: number, seconds: number) => Promise<LoadFigures>

interface Part {
  readonly title: string
  /** Puts a load on it. Absent: each round starts a process, and its processor time counts. */
  readonly work?: (until: (stop: () => Promise<void>) => void) => Promise<Work>
  readonly readsBodies?: boolean
  readonly env?: Readonly<Record<string, string>>
}

const PARTS: Readonly<Record<string, Part>> = {
  get: loaded({ name: 'small GET', connections: 64 }),
  post: loaded({ name: '1 KiB POST', bodyBytes: 1 << 10, connections: 64 }),
  connect: loaded({ name: 'a connection for each GET', close: true, connections: 64 }),
  download: loaded({ name: '1 MiB download', path: '/large', connections: 16 }),
  upload: loaded({ name: '16 MiB upload', bodyBytes: 1 << 24, connections: 4 }),
  frontends: {
    ...loaded({ name: '100,000 frontends', connections: 64 }),
    env: { SUBJECT_FRONTENDS: '100000' },
  },
  websocket: { title: 'WebSocket echo', work: webSocketWork, readsBodies: true },
  import: { title: 'start until it listens' },
}

function loaded(workload: Workload): Part {
  const work: Part['work'] = async () => (port, forSeconds) => load(port, workload, forSeconds)
  return { title: workload.name, work, readsBodies: (workload.bodyBytes ?? 0) > 0 }
}

async function webSocketWork(until: (stop: () => Promise<void>) => void): Promise<Work> {
  const child = new Child('web-socket-load')
  until(() => child.stop())
  return (port, forSeconds) => child.call('run', { port, connections: 64, bytes: 125, seconds: forSeconds })
}

function start({ subjects, package: folder }: Build, originPort: number, env: Part['env']): Promise<Subject> {
  return startSubject('switchover', originPort, {
    env: { ...env, SWITCHOVER_BENCH_PACKAGE: folder },
    subjects,
  })
}

/** One build under work: its processor time for a request, in microseconds. */
interface Measured {
  readonly micros: number
  readonly perSecond: number
  readonly failed: number
}

async function measureLoad({ port, pid }: Subject, work: Work): Promise<Measured> {
  const before = cpuSeconds(pid)
  const started = performance.now()
  const { perSecond, failed } = await work(port, seconds)
  const requests = (perSecond * (performance.now() - started)) / 1e3
  return { micros: ((cpuSeconds(pid) - before) / requests) * 1e6, perSecond, failed }
}

async function measureStart(build: Build, originPort: number): Promise<Measured> {
  const subject = await start(build, originPort, undefined)
  const micros = cpuSeconds(subject.pid) * 1e6
  await subject.stop()
  return { micros, perSecond: 0, failed: 0 }
}

async function run(name: string, [now, before]: readonly [Build, Build]): Promise<Finding> {
  const part = PARTS[name]
  if (!part) throw new Error(`there is no part ${name}; there are ${Object.keys(PARTS).join(', ')}`)
  const stops: (() => Promise<void>)[] = []
  const origin = await startOrigin(part.readsBodies)
  stops.push(() => origin.stop())
  const measures: (build: Build) => Promise<Measured> = await measureOf(part, origin, [now, before], stops)
  const pairs: { readonly now: Measured; readonly before: Measured }[] = []
  for (let round = 0; round < rounds; round += 1) {
    progress(`${part.title}, round ${round + 1} of ${rounds}`)
    // Each goes first every other time: whatever the machine does between two runs meets both.
    const order = round % 2 === 0 ? [now, before] : [before, now]
    const found = new Map<Build, Measured>()
    for (const build of order) found.set(build, await measures(build))
    pairs.push({ now: found.get(now) as Measured, before: found.get(before) as Measured })
  }
  for (const stop of stops.reverse()) await stop()
  return findingOf(part.title, pairs, [now, before])
}

async function measureOf(
  part: Part,
  origin: Subject,
  builds: readonly Build[],
  stops: (() => Promise<void>)[],
): Promise<(build: Build) => Promise<Measured>> {
  const { work: makeWork } = part
  if (!makeWork) return (build) => measureStart(build, origin.port)
  const work = await makeWork((stop) => stops.push(stop))
  const running = new Map<Build, Subject>()
  for (const build of builds) {
    const subject = await start(build, origin.port, part.env)
    stops.push(() => subject.stop())
    running.set(build, subject)
    progress(`${part.title}, ${build.name}: warm`)
    await work(subject.port, warmSeconds)
  }
  return (build) => measureLoad(running.get(build) as Subject, work)
}

function findingOf(
  title: string,
  pairs: readonly { readonly now: Measured; readonly before: Measured }[],
  [now, before]: readonly [Build, Build],
): Finding {
  const ratio = medianInterval(pairs.map((pair) => pair.before.micros / pair.now.micros))
  const row = (build: Build, its: readonly Measured[]) => ({
    build: build.name,
    'CPU us each': medianInterval(its.map(({ micros }) => micros)).median,
    'per second': Math.round(medianInterval(its.map(({ perSecond }) => perSecond)).median),
    failed: its.reduce((sum, { failed }) => sum + failed, 0),
  })
  const rows = [
    row(
      now,
      pairs.map((pair) => pair.now),
    ),
    row(
      before,
      pairs.map((pair) => pair.before),
    ),
  ]
  const reached = `${ratio.median.toFixed(3)} (95 %: ${ratio.low.toFixed(3)} to ${ratio.high.toFixed(3)}, ${pairs.length} rounds)`
  const goals = [
    {
      work: `${title}, against ${before.name}`,
      asked: `no slower (${bound})`,
      reached,
      met: ratio.high >= bound,
    },
  ]
  return { title, rows, goals, wrong: { failed: rows.reduce((sum, { failed }) => sum + failed, 0) } }
}

progress(`load by ${generatorName}`)
const builds = [buildWorkingTree(), buildCommit(commit)] as const
const wanted = values.only?.split(',') ?? ['get']
await runBench(
  'bench:compare',
  wanted.map((name) => () => run(name, builds)),
  values.json,
)
