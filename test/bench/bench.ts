import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { buildPackage } from './parts/built-package.js'
import { profileProxies } from './parts/child.js'
import { COMMON_HELP, COMMON_OPTIONS, type Finding, progress, runBench } from './parts/command-line.js'
import { generatorName, type Workload } from './parts/load-generator.js'
import { OURS } from './parts/subject.js'
import { systemProxies } from './parts/system-proxies.js'
import { idleConnections } from './speed/idle-connections.js'
import { observed } from './speed/observed.js'
import { openLoop } from './speed/open-loop.js'
import { savePage } from './speed/performance-page.js'
import { startUp } from './speed/start-up.js'
import { swapsUnderLoad } from './speed/swaps-under-load.js'
import { compare, everything, manyFrontends } from './speed/throughput.js'
import { webSocketEcho } from './speed/web-socket-echo.js'
import { workers } from './speed/workers.js'

const GET: Workload = { name: 'small GET', connections: 64 }
const POST: Workload = { name: '1 KiB POST', bodyBytes: 1 << 10, connections: 64 }
const CONNECT: Workload = { name: 'a connection for each GET', close: true, connections: 64 }
const DOWNLOAD: Workload = { name: '1 MiB download', path: '/large', connections: 16 }
const UPLOAD: Workload = { name: '16 MiB upload', bodyBytes: 1 << 24, connections: 4 }

const PARTS: Readonly<Record<string, () => Promise<Finding>>> = {
  get: () => compare(GET, names, time),
  post: () => compare(POST, names, time),
  connect: () => compare(CONNECT, names, time),
  // Without what answers by itself: it sends no large body, and reads none.
  download: () => compare(DOWNLOAD, passingOn, time),
  upload: () => compare(UPLOAD, passingOn, time),
  websocket: () => webSocketEcho(names, time),
  frontends: () => manyFrontends(GET, time),
  swaps: () => swapsUnderLoad(time),
  observed: () => observed(GET, time),
  rate: () => openLoop(names, time),
  idle: () => idleConnections(names, values.quick ? 500 : 5_000),
  start: () => startUp(values.quick ? 3 : 25),
  workers: () => workers(time),
}

const HELP = `npm run bench [-- OPTIONS]

How fast the proxy is, beside others: each in a process of its own, in turn, in several rounds, on one core; load and origin
share the others. Figures move with the machine, ratios in one run count. Fails if a request failed, never on time.
The first run installs the peers from npm into test/bench/node_modules.
The whole takes some 25 minutes; nginx, haproxy, caddy, traefik and wrk are used if they are installed.

  --only A,B       of the parts: ${Object.keys(PARTS).join(', ')}
  --subjects A,B   instead of all
  --rounds N       of each; default 5 (quick: 2)
  --seconds N      each; default 4 (quick: 3)
  --save           writes docs/performance.md; of parts that are not run, with what they found last here${COMMON_HELP}`

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

const time = {
  rounds: Number(values.rounds ?? (values.quick ? 2 : 5)),
  seconds: Number(values.seconds ?? (values.quick ? 3 : 4)),
}
const asked = values.subjects?.split(',') ?? (values.quick ? ['undici-loop'] : everything(systemProxies()))
const names = [...new Set([OURS, ...asked])]
const passingOn = names.filter((name) => name !== 'node-http')

/** Peers come from npm, into a folder of their own, the first time. */
function installPeers(): void {
  const folder = fileURLToPath(new URL('.', import.meta.url))
  if (existsSync(`${folder}node_modules/autocannon`)) return
  progress('the peers, from npm')
  const args = ['ci', '--prefix', folder, '--ignore-scripts', '--no-audit', '--no-fund', '--silent']
  execFileSync('npm', args, { stdio: ['ignore', 2, 2] })
}

/** What each part found last. */
const kept = fileURLToPath(new URL('../../.cache/bench/findings.json', import.meta.url))

function save(name: string, finding: Finding): void {
  const before = existsSync(kept) ? (JSON.parse(readFileSync(kept, 'utf8')) as Record<string, Finding>) : {}
  const all: Record<string, Finding> = { ...before, [name]: finding }
  writeFileSync(kept, JSON.stringify(all))
  savePage(Object.keys(PARTS).flatMap((part) => all[part] ?? []))
}

/** One part; the page is written after each, so that a run that is broken off leaves what it found. */
async function run(name: string): Promise<Finding> {
  const part = PARTS[name]
  if (!part) throw new Error(`there is no part ${name}; there are ${Object.keys(PARTS).join(', ')}`)
  const finding = await part()
  if (values.save) save(name, finding)
  return finding
}

installPeers()
buildPackage(values.package)
profileProxies(values.profile)
progress(`load by ${generatorName}`)
const wanted = values.only?.split(',') ?? (values.quick ? ['get'] : Object.keys(PARTS))
await runBench(
  'bench',
  wanted.map((name) => () => run(name)),
  values.json,
)
