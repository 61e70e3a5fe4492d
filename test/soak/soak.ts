import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { ProviderConfig } from 'switchover'
import { EtcdServer } from '../support/etcd-server.js'
import { HostileLink } from '../support/hostile-link.js'
import { httpGet } from '../support/http-get.js'
import { StrictLoad } from '../support/strict-load.js'
import { HOST, VersionedServers, versionOf } from '../support/versioned-servers.js'
import { API_FAULTS, ETCD_FAULTS, type Fault, type Surroundings } from './faults.js'
import { SoakApi } from './soak-api.js'
import type { Order, Report } from './soaked-proxy.js'

const HELP = `npm run soak -- [options]

Random faults around a proxy while the alias flips twice a second and requests run. After each fault is healed, the proxy
must serve the alias's current value; at the end no request may have failed or been answered by two versions.

  --minutes N   how long (default 2)
  --seed N      the order of the faults and their lengths (default: of the clock; printed, so that a run can be repeated)
  --help`

const ALIAS = '/soak/alias'
const VERSIONS = 6
const FLIP_MS = 500
/** To notice (10 s) and to serve the current value (6 s): P3 and P4. */
const SERVED_MS = 16_000
/** What a heap may gain between the first third of a run and the last. */
const HEAP_GAIN_BYTES = 16 * 1024 * 1024

const { values: given } = parseArgs({
  options: { minutes: { type: 'string' }, seed: { type: 'string' }, help: { type: 'boolean' } },
})
if (given.help) {
  console.log(HELP)
  process.exit(0)
}
const minutes = numberOption('minutes', given.minutes, 2)
const seed = numberOption('seed', given.seed, Date.now() % 1_000_000)
const random = seeded(seed)

function numberOption(name: string, text: string | undefined, otherwise: number): number {
  const value = text === undefined ? otherwise : Number(text)
  if (value > 0) return value
  console.error(`--${name}: expected a number above 0, found ${text}\n\n${HELP}`)
  process.exit(2)
}

/** Numbers from 0 to 1, the same for the same seed (a linear congruential generator, the constants of Numerical Recipes). */
function seeded(start: number): () => number {
  let state = start >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

function shuffled<T>(items: readonly T[]): T[] {
  const left = [...items]
  return items.map(() => left.splice(Math.floor(random() * left.length), 1)[0] as T)
}

/** Draws every fault of a table before one comes again. */
function deckOf(table: Readonly<Record<string, Fault>>): () => [name: string, fault: Fault] {
  let left: [string, Fault][] = []
  return () => {
    if (left.length === 0) left = shuffled(Object.entries(table))
    return left.pop() as [string, Fault]
  }
}

const drawEtcd = deckOf(ETCD_FAULTS)
const drawApi = deckOf(API_FAULTS)

/** A fault of either side, or one of each at once. */
function drawFaults(): [name: string, fault: Fault][] {
  const draw = random()
  if (draw < 0.4) return [drawEtcd()]
  return draw < 0.7 ? [drawApi()] : [drawEtcd(), drawApi()]
}

async function answerOf<T extends Report>(child: ChildProcess, order: Order): Promise<T> {
  child.send(order)
  const [report] = await once(child, 'message', { signal: AbortSignal.timeout(30_000) })
  return report as T
}

/** Writes the alias twice a second, until it is told to stop. */
class Flipper {
  readonly #etcd: EtcdServer
  flips = 0
  #running = false
  #loop: Promise<void> = Promise.resolve()

  constructor(etcd: EtcdServer) {
    this.#etcd = etcd
  }

  start(): void {
    this.#running = true
    this.#loop = this.#run()
  }

  async stop(): Promise<void> {
    this.#running = false
    await this.#loop
  }

  async #run(): Promise<void> {
    while (this.#running) {
      // It may fail while etcd is down. What the alias is in the end is asked, not remembered.
      await this.#etcd.put(ALIAS, `/v${1 + (this.flips % VERSIONS)}`).then(
        () => {
          this.flips += 1
        },
        () => {},
      )
      await delay(FLIP_MS)
    }
  }
}

/** Resolves to how long it took until the alias's current value was served, or to undefined at the limit. */
async function untilServed(etcd: EtcdServer, port: number): Promise<number | undefined> {
  const start = performance.now()
  while (performance.now() - start < SERVED_MS) {
    const current = await etcd.get(ALIAS).catch(() => undefined)
    const served = versionOf(await httpGet({ port, host: HOST }))
    if (current === `/v${served}`) return performance.now() - start
    await delay(20)
  }
  return undefined
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}

const servers = new VersionedServers()
const documents = new Map<string, ProviderConfig>()
for (let version = 1; version <= VERSIONS; version++) {
  documents.set(`/v${version}`, await servers.document(version))
}
const etcd = await EtcdServer.start()
const api = await SoakApi.start(documents)
const etcdLink = await HostileLink.to(() => etcd.port)
const apiLink = await HostileLink.to(() => api.port)
const around: Surroundings = { etcd, etcdLink, api, apiLink, aliasKey: ALIAS }
await etcd.put(ALIAS, '/v1')

const folder = await mkdtemp(join(tmpdir(), 'switchover-soak-'))
const child = fork(fileURLToPath(new URL('soaked-proxy.ts', import.meta.url)), {
  execArgv: ['--expose-gc', '--import', 'tsx'],
})
const lastGood = join(folder, 'last-good.json')
const { port } = await answerOf<{ port: number }>(child, {
  start: { etcd: etcdLink.url, api: apiLink.url, aliasKey: ALIAS, lastGood },
})
const load = new StrictLoad((answer) => {
  const version = versionOf(answer)
  return typeof version === 'string' ? version : undefined
}).start(4, () => ({ port, host: HOST }))
const flipper = new Flipper(etcd)

console.log(`soak of ${minutes} minutes, seed ${seed}`)
const begun = performance.now()
const heaps: number[] = []
let heals = 0
let unserved = 0
let last: Extract<Report, { heapBytes: number }> | undefined
while (performance.now() - begun < minutes * 60_000) {
  const faults = drawFaults()
  const name = faults.map(([each]) => each).join(' while ')
  const forMs = 200 + Math.floor(random() * 6_000)
  flipper.start()
  for (const [, fault] of faults) await fault.inflict(around)
  await delay(forMs)
  for (const [, fault] of faults) await fault.heal(around)
  await flipper.stop()
  const servedMs = await untilServed(etcd, port)
  last = await answerOf<Extract<Report, { heapBytes: number }>>(child, 'memory')
  heaps.push(last.heapBytes)
  heals += 1
  if (servedMs === undefined) unserved += 1
  const outcome =
    servedMs === undefined ? `NOT SERVED within ${SERVED_MS} ms` : `served after ${Math.round(servedMs)} ms`
  const seconds = Math.round((performance.now() - begun) / 1_000)
  console.log(`${String(seconds).padStart(5)} s  ${name} for ${forMs} ms: ${outcome}`)
}
await load.stop()
child.send('stop')
await once(child, 'exit')
await Promise.all([etcd.stop(), api.close(), etcdLink.cut(), apiLink.cut(), servers.close()])
await rm(folder, { recursive: true, force: true })

const third = Math.ceil(heaps.length / 3)
const [first, end] = [median(heaps.slice(0, third)), median(heaps.slice(-third))]
const mixed = load.failures.filter((failure) => failure.includes('mixed')).length
const failed = load.failures.length - mixed
const mebibytes = (bytes: number) => (bytes / 1024 / 1024).toFixed(1)
for (const failure of load.failures.slice(0, 20)) console.log(failure)
console.log(`
flips ${flipper.flips}, switches ${last?.switches}, troubles ${last?.troubles}, refusals ${last?.refusals}
heap ${mebibytes(first)} MiB in the first third, ${mebibytes(end)} MiB in the last
${load.answered} requests, ${failed} failed, ${mixed} mixed; ${heals} faults healed, ${unserved} times the alias's value was not served`)
if (end - first > HEAP_GAIN_BYTES) console.log('the heap has grown')
process.exitCode = failed + mixed + unserved > 0 || end - first > HEAP_GAIN_BYTES ? 1 : 0
