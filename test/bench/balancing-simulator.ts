import { parseArgs } from 'node:util'
import type { Backend } from 'switchover'
import { Heap } from '../../src/balancing/heap.js'
import { strategyTable } from '../../src/balancing/strategies.js'
import { LiveBackend } from '../../src/engine/backends/live-backend.js'
import type { LiveServer } from '../../src/engine/backends/live-server.js'
import { RetryBudget } from '../../src/engine/backends/retry-budget.js'
import { ProxyEmitter } from '../../src/engine/events/proxy-emitter.js'
import type { LiveFacts } from '../../src/engine/read-facts.js'
import { UpstreamNetworks } from '../../src/engine/upstream/upstream-networks.js'
import { Upstreams } from '../../src/engine/upstream/upstreams.js'
import { ProxyError } from '../../src/model/errors.js'
import { DEFAULT_TIMEOUTS } from '../../src/model/limits.js'
import { percentile } from './parts/percentiles.js'

const HELP = `npm run bench:balancing -- [OPTIONS]

Simulates each strategy with hundreds of servers, some of them slow, dead, flapping or weak: discrete events, a clock of its own,
the same seed for all. Each server has one request at a time and a queue; what it takes is drawn from an exponential distribution.

  --servers N   default 200
  --seconds N   of simulated time; default 10
  --seed N      default 1
  --help        this text`

const { values } = parseArgs({
  options: {
    servers: { type: 'string', default: '200' },
    seconds: { type: 'string', default: '10' },
    seed: { type: 'string', default: '1' },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  console.log(HELP)
  process.exit()
}

const SERVERS = Number(values.servers)
const END_MS = Number(values.seconds) * 1_000
/** What a request takes on a server that is well, on average. */
const SERVICE_MS = 10
/** How much of what all could do together is asked for. */
const LOAD = 0.6
/** Latencies before it are those of the beginning. */
const WARM_UP_MS = 1_000

/** The clock, and what is to happen. Engine and strategies take both for the world's. */
class World {
  now = 0
  readonly #events = new Heap<{ readonly at: number; readonly nth: number; readonly happen: () => void }>(
    (one, other) => (one.at === other.at ? one.nth < other.nth : one.at < other.at),
  )
  #count = 0

  after(ms: number, happen: () => void): void {
    this.#events.push({ at: this.now + ms, nth: this.#count++, happen })
  }

  run(untilMs: number): void {
    for (let next = this.#events.pop(); next && next.at <= untilMs; next = this.#events.pop()) {
      this.now = next.at
      next.happen()
    }
  }
}

let world = new World()
performance.now = () => world.now
globalThis.setTimeout = ((happen: () => void, ms: number) => {
  world.after(ms, happen)
  return { unref() {} }
}) as never

/** mulberry32. */
function seed(start: number): void {
  let state = start
  Math.random = () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const exponential = (mean: number) => -Math.log(1 - Math.random()) * mean

/** A server: one request at a time, the others wait. */
class SimulatedServer {
  /** How much longer it takes than one that is well. */
  slowness = 1
  /** Whether it refuses connections. */
  isDead = false
  /** Whether it answers each request at once with an error. */
  isBroken = false
  #freeAt = 0

  serve(done: (status: number | undefined) => void): void {
    if (this.isDead) return world.after(0.5, () => done(undefined))
    if (this.isBroken) return world.after(1, () => done(503))
    const begin = Math.max(world.now, this.#freeAt)
    this.#freeAt = begin + exponential(SERVICE_MS * this.slowness)
    world.after(this.#freeAt - world.now, () => done(200))
  }
}

type Scenario = (servers: readonly SimulatedServer[]) => void
const tenth = (servers: readonly SimulatedServer[]) => servers.slice(0, Math.max(1, servers.length / 10))

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  'all well': () => {},
  'a tenth 10x slower': (servers) => {
    for (const server of tenth(servers)) server.slowness = 10
  },
  'a tenth dead': (servers) => {
    for (const server of tenth(servers)) server.isDead = true
  },
  'a tenth broken': (servers) => {
    for (const server of tenth(servers)) server.isBroken = true
  },
  'a tenth flapping': (servers) => {
    const flap = (isDead: boolean) => {
      for (const server of tenth(servers)) server.isDead = isDead
      world.after(1_000, () => flap(!isDead))
    }
    flap(true)
  },
  'half of them 1.5x slower': (servers) => {
    for (const [index, server] of servers.entries()) if (index % 2 === 0) server.slowness = 1.5
  },
}

interface Outcome {
  readonly latencies: number[]
  failed: number
  total: number
}

function backendOf(method: string, servers: number): LiveBackend {
  const names = Array.from({ length: servers }, (_, index) => `s${index}`)
  const config: Backend = {
    servers: Object.fromEntries(
      names.map((name, index) => [name, { url: `http://10.0.${index >> 8}.${index & 255}` }]),
    ),
    loadBalancer: { method },
    outlierDetection: {},
  }
  const networks = new UpstreamNetworks()
  const upstreams = new Upstreams({ timeouts: DEFAULT_TIMEOUTS, tls: {}, networks })
  const newBudget = () => new RetryBudget(0.2)
  const tools = {
    strategies: strategyTable(),
    upstreams,
    newBudget,
    addresses: { addressesOf: () => undefined },
    events: new ProxyEmitter(),
  }
  const backend = new LiveBackend('web@static', config, undefined, tools)
  backend.begin()
  return backend
}

const factsOf = (client: number) =>
  ({ clientAddress: `10.1.${client >> 8}.${client & 255}`, headers: {}, path: '/' }) as LiveFacts

function simulate(method: string, scenario: Scenario): Outcome {
  world = new World()
  seed(Number(values.seed))
  const servers = Array.from({ length: SERVERS }, () => new SimulatedServer())
  const backend = backendOf(method, SERVERS)
  const behind = new Map(backend.servers.map((server, index) => [server, servers[index] as SimulatedServer]))
  const outcome: Outcome = { latencies: [], failed: 0, total: 0 }
  scenario(servers)

  const ask = (facts: LiveFacts, startedAt: number, tried: Set<LiveServer>): void => {
    const server = backend.pick(tried, facts)
    const end = (isWell: boolean) => {
      outcome.total += 1
      if (!isWell) outcome.failed += 1
      else if (startedAt >= WARM_UP_MS) outcome.latencies.push(world.now - startedAt)
    }
    if (!server) return end(false)
    const tryAt = backend.startOfTry()
    behind.get(server)?.serve((status) => {
      backend.ended(server)
      if (status !== undefined) {
        backend.tried(server, status, tryAt)
        return end(status < 500)
      }
      backend.tried(server, new ProxyError('PROXY_CONNECT_FAILED'), tryAt)
      if (tried.size === 2) return end(false)
      ask(facts, startedAt, tried.add(server))
    })
  }
  let clients = 0
  const arrive = () => {
    const facts = factsOf(clients++ % 5_000)
    ask(facts, world.now, new Set())
    if (world.now < END_MS) world.after(exponential(SERVICE_MS / SERVERS / LOAD), arrive)
  }
  arrive()
  world.run(END_MS + 5_000)
  return outcome
}

const began = process.hrtime.bigint()
console.log(
  `${SERVERS} servers, ${LOAD * 100} % of what they can do, ${values.seconds} s, seed ${values.seed}; p50 / p99 / p99.9 in ms, and the share that failed\n`,
)
const methods = [...strategyTable().keys()].filter((method) => method !== 'first')
console.log(`| | ${methods.map((method) => `\`${method}\``).join(' | ')} |`)
console.log(`|---|${methods.map(() => '---|').join('')}`)
for (const [name, scenario] of Object.entries(SCENARIOS)) {
  const cells = methods.map((method) => {
    const { latencies, failed, total } = simulate(method, scenario)
    const [p50, p99, p999] = [0.5, 0.99, 0.999].map((share) => percentile(latencies, share).toFixed(0))
    return `${p50} / ${p99} / ${p999}${failed === 0 ? '' : `; ${((100 * failed) / total).toFixed(2)} %`}`
  })
  console.log(`| ${name} | ${cells.join(' | ')} |`)
}

/** What a pick costs, with the begin and the end of a request, in nanoseconds. */
function pickCost(method: string, servers: number): number {
  const backend = backendOf(method, servers)
  const clients = Array.from({ length: 1_000 }, (_, client) => factsOf(client))
  const rounds = (count: number) => {
    for (let round = 0; round < count; round++) {
      const server = backend.pick(undefined, clients[round % clients.length] as LiveFacts)
      if (server) backend.ended(server)
    }
  }
  rounds(20_000)
  const start = process.hrtime.bigint()
  rounds(200_000)
  return Number(process.hrtime.bigint() - start) / 200_000
}

console.log(`\n| a pick, in ns | ${methods.map((method) => `\`${method}\``).join(' | ')} |`)
console.log(`|---|${methods.map(() => '---|').join('')}`)
for (const servers of [10, 1_000])
  console.log(
    `| ${servers} servers | ${methods.map((method) => pickCost(method, servers).toFixed(0)).join(' | ')} |`,
  )
process.stderr.write(`... ${Number((process.hrtime.bigint() - began) / 1_000_000n) / 1_000} s\n`)
