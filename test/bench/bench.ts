import { execFileSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { buildPackage } from './parts/built-package.js'
import { profileProxies } from './parts/child.js'
import {
  COMMON_HELP,
  COMMON_OPTIONS,
  type Finding,
  progress,
  type Row,
  runBench,
} from './parts/command-line.js'
import { generatorName, type LoadFigures, load, type Workload, works } from './parts/load-generator.js'
import { median } from './parts/percentiles.js'
import { type Subject, startNginx, startSubject } from './parts/subject.js'

const HELP = `npm run bench [-- OPTIONS]

How fast the proxy is, beside others: each in a process of its own, in turn, in several rounds, on one core; load and origin
share the others. Figures move with the machine, ratios in one run count. Fails if a request failed, never on time.

  --only A,B       of the workloads: ${'get, post, connect, download, upload, frontends'}
  --subjects A,B   instead of all
  --rounds N       of each; default 5 (quick: 2)
  --seconds N      each; default 5 (quick: 3)
  --save           writes docs/performance.md${COMMON_HELP}`

const { values } = parseArgs({
  options: {
    ...COMMON_OPTIONS,
    only: { type: 'string' },
    subjects: { type: 'string' },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    save: { type: 'boolean', default: false },
  },
})
if (values.help) {
  console.log(HELP)
  process.exit()
}

const rounds = Number(values.rounds ?? (values.quick ? 2 : 5))
const seconds = Number(values.seconds ?? (values.quick ? 3 : 5))

const WORKLOADS: Readonly<Record<string, Workload>> = {
  get: { name: 'small GET', connections: 64 },
  post: { name: '1 KiB POST', bodyBytes: 1 << 10, connections: 64 },
  connect: { name: 'a connection for each GET', close: true, connections: 64 },
  download: { name: '1 MiB download', path: '/large', connections: 16 },
  upload: { name: '16 MiB upload', bodyBytes: 1 << 24, connections: 4 },
}

const OURS = 'switchover'
/** Not proxies one could use: what Node allows, and what is left of that with undici behind it. */
const LIMITS = ['node-http', 'undici-loop']
const PEERS = ['http-proxy', 'http-proxy-3', 'httpxy', 'fast-proxy', 'reply-from']

function subjectNames(): string[] {
  if (values.subjects)
    return [...new Set([OURS, ...values.subjects.split(',').filter((name) => name !== OURS)])]
  if (values.quick) return [OURS, 'undici-loop']
  return [OURS, ...LIMITS, ...PEERS, ...(works('nginx', ['-v']) ? ['nginx'] : [])]
}

function start(
  name: string,
  originPort: number,
  env: Readonly<Record<string, string>> = {},
): Promise<Subject> {
  if (name === 'nginx') return startNginx(originPort)
  return startSubject(name, originPort, { env, profiled: name === OURS })
}

/** Peers come from npm, into a folder of their own, the first time. */
function installPeers(): void {
  const folder = fileURLToPath(new URL('.', import.meta.url))
  if (existsSync(`${folder}node_modules/autocannon`)) return
  progress('the peers, from npm')
  const args = ['ci', '--prefix', folder, '--ignore-scripts', '--no-audit', '--no-fund', '--silent']
  execFileSync('npm', args, { stdio: ['ignore', 2, 2] })
}

type Figures = Readonly<Record<string, LoadFigures[]>>

/** All subjects in turn, round by round, so that whatever else the machine does meets each. */
async function inTurn(subjects: Readonly<Record<string, Subject>>, workload: Workload): Promise<Figures> {
  const figures: Record<string, LoadFigures[]> = {}
  for (const [name, { port }] of Object.entries(subjects)) {
    figures[name] = []
    await load(port, workload, 1)
  }
  for (let round = 0; round < rounds; round += 1) {
    progress(`${workload.name}, round ${round + 1} of ${rounds}`)
    for (const [name, { port }] of Object.entries(subjects))
      figures[name]?.push(await load(port, workload, seconds))
  }
  return figures
}

function rowsOf(figures: Figures): Row[] {
  const ours = figures[OURS] ?? []
  return Object.entries(figures).map(([subject, runs]) => {
    const ratios = runs.map(({ perSecond }, round) => (ours[round]?.perSecond ?? 0) / perSecond)
    return {
      subject,
      'requests/s': Math.round(median(runs.map(({ perSecond }) => perSecond))),
      'p50 ms': median(runs.map(({ p50 }) => p50)),
      'p99 ms': median(runs.map(({ p99 }) => p99)),
      'ours to it': median(ratios),
      from: Math.min(...ratios),
      to: Math.max(...ratios),
    }
  })
}

/** Of what others do wrong, the bench has no opinion. */
function wrongIn(figures: Figures): Record<string, number> {
  return { failed: (figures[OURS] ?? []).reduce((sum, { failed }) => sum + failed, 0) }
}

async function compare(workload: Workload): Promise<Finding> {
  const origin = await startSubject('origin', 0, { place: 'rest' })
  const subjects: Record<string, Subject> = {}
  for (const name of subjectNames()) subjects[name] = await start(name, origin.port)
  const figures = await inTurn(subjects, workload)
  await Promise.all([origin, ...Object.values(subjects)].map((subject) => subject.stop()))
  return { title: workload.name, rows: rowsOf(figures), wrong: wrongIn(figures) }
}

/** The same proxy with more and more frontends; the one that is asked for is tried last. */
async function manyFrontends(): Promise<Finding> {
  const origin = await startSubject('origin', 0, { place: 'rest' })
  const subjects: Record<string, Subject> = {}
  for (const count of [1, 1_000, 100_000]) {
    const name = count === 1 ? OURS : `${count} frontends`
    subjects[name] = await start(OURS, origin.port, { SUBJECT_FRONTENDS: String(count) })
  }
  const figures = await inTurn(subjects, WORKLOADS['get'] as Workload)
  await Promise.all([origin, ...Object.values(subjects)].map((subject) => subject.stop()))
  return { title: 'small GET, with more frontends', rows: rowsOf(figures), wrong: wrongIn(figures) }
}

const wanted = values.only?.split(',') ?? (values.quick ? ['get'] : [...Object.keys(WORKLOADS), 'frontends'])
const parts = wanted.map((name) => {
  if (name === 'frontends') return manyFrontends
  const workload = WORKLOADS[name]
  if (!workload)
    throw new Error(`there is no workload ${name}; there are ${Object.keys(WORKLOADS).join(', ')}, frontends`)
  return () => compare(workload)
})

const sections: string[] = []

installPeers()
buildPackage(values.package)
profileProxies(values.profile)
progress(`load by ${generatorName}`)
await runBench('bench', values.save ? parts.map(saved) : parts, values.json)

/** The same part, whose table goes to docs/performance.md too. */
function saved(part: () => Promise<Finding>): () => Promise<Finding> {
  return async () => {
    const finding = await part()
    sections.push(`## ${finding.title}\n\n${markdownOf(finding.rows)}`)
    const page = fileURLToPath(new URL('../../docs/performance.md', import.meta.url))
    writeFileSync(page, `# Performance\n\n${sections.join('\n\n')}\n`)
    return finding
  }
}

function markdownOf(rows: readonly Row[]): string {
  const columns = Object.keys(rows[0] ?? {})
  const lines = rows.map((row) => columns.map((column) => shown(row[column])).join(' | '))
  return [columns.join(' | '), columns.map(() => '---').join(' | '), ...lines]
    .map((line) => `| ${line} |`)
    .join('\n')
}

function shown(value: string | number | undefined): string {
  if (typeof value !== 'number') return value ?? ''
  return Number.isInteger(value) ? String(value) : value.toFixed(2)
}
