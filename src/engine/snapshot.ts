import { runInSlices } from '../base/run-steps.js'
import type { Backend } from '../model/config.js'
import type { MergedConfig } from '../model/merge-configs.js'
import type { RequestFacts } from '../model/request-facts.js'
import { CompiledRouter } from '../routing/compiled-router.js'
import type { RouterExplanation } from '../routing/explain-route.js'
import type { MatcherTable } from '../rules/matchers.js'
import type { HealthChecks } from './backends/health-checks.js'
import { type BackendTools, LiveBackend } from './backends/live-backend.js'
import { areCurrent } from './backends/live-servers.js'
import { followedNames } from './backends/strict-dns.js'
import type { Upstream } from './upstream/upstream.js'
import type { Upstreams } from './upstream/upstreams.js'

/** Tells which frontend a request would go to, why, and which servers stand behind it. */
export interface RequestExplanation extends RouterExplanation {
  /** The number of the configuration that was asked. */
  readonly generation: number
  /** The servers of the winner's backend; empty if no frontend wins. */
  readonly servers: readonly { readonly name: string; readonly url: string; readonly weight: number }[]
}

/** The parts of the data plane that compiling needs. */
export interface CompileTools extends BackendTools {
  readonly matchers: MatcherTable
}

/**
 * One merged configuration, compiled. It never changes, and its generation is its number.
 *
 * Every request *pins* the snapshot it was matched with, until no further server can be picked for it. Without the pin, a swap
 * between matching and picking could close the connections of the picked server.
 */
export class Snapshot {
  readonly generation: number
  readonly config: MergedConfig
  readonly router: CompiledRouter
  readonly backends: ReadonlyMap<string, LiveBackend>
  /** DNS names of servers whose addresses are followed, each with the milliseconds between two lookups. */
  readonly followedNames: ReadonlyMap<string, number>
  /** Backends that were made for this snapshot and have not begun to serve. All others come from the snapshot before. */
  #fresh: readonly LiveBackend[]
  /** The health checks of the snapshot's backends. */
  readonly #healthChecks: ReadonlySet<HealthChecks>
  readonly #upstreams: Upstreams
  /** Requests that have pinned this snapshot. */
  #pins = 0
  /** Whether another snapshot serves. */
  #retired = false
  /** Whether the snapshot's servers were released. */
  #released = false

  constructor(
    generation: number,
    config: MergedConfig,
    router: CompiledRouter,
    backends: ReadonlyMap<string, LiveBackend>,
    fresh: readonly LiveBackend[],
    upstreams: Upstreams,
  ) {
    this.generation = generation
    this.config = config
    this.router = router
    this.backends = backends
    this.#fresh = fresh
    this.#healthChecks = new Set([...backends.values()].flatMap(({ healthChecks }) => healthChecks ?? []))
    this.followedNames = followedNames(config.backends.values())
    this.#upstreams = upstreams
  }

  /** Starts to serve. Health checks go on for backends that did not change, stop for old ones, and start for new ones. */
  begin(previous: Snapshot | undefined): void {
    const before = previous ? previous.#healthChecks : []
    for (const checks of before) if (!this.#healthChecks.has(checks)) checks.stop()
    void runInSlices(beginEach(this.#fresh))
    this.#fresh = []
  }

  /** Stops all health checks, since no snapshot serves after this one. */
  end(): void {
    for (const checks of this.#healthChecks) checks.stop()
  }

  /** Keeps the servers connected until the matching `unpin`. */
  pin(): void {
    this.#pins += 1
  }

  unpin(): void {
    this.#pins -= 1
    this.#releaseWhenUnused()
  }

  /** Called when the next snapshot serves. Releases the servers as soon as the last pin is gone. */
  retire(): void {
    const leave = (upstream: Upstream) => this.#upstreams.leave(upstream)
    void runInSlices(eachServer(this.backends.values(), leave)).then(() => {
      this.#retired = true
      this.#releaseWhenUnused()
    })
  }

  explain(facts: RequestFacts): RequestExplanation {
    const explanation = this.router.explain(facts)
    const backend = this.backends.get(explanation.winner?.backend ?? '')
    const servers = (backend?.servers ?? []).map(({ name, url, weight }) => ({ name, url, weight }))
    return { generation: this.generation, ...explanation, servers }
  }

  #releaseWhenUnused(): void {
    if (!this.#retired || this.#pins > 0 || this.#released) return
    this.#released = true
    releaseServers(this.backends.values(), this.#upstreams)
  }
}

/**
 * Compiles a merged configuration in steps. A backend whose configuration is the same as before keeps its servers and the state
 * of its strategy. So an unrelated change does not restart a rotation.
 */
export function* compileSnapshot(
  generation: number,
  config: MergedConfig,
  previous: Snapshot | undefined,
  tools: CompileTools,
): Generator<void, Snapshot> {
  const backends = new Map<string, LiveBackend>()
  const fresh: LiveBackend[] = []
  let compiled = false
  try {
    const router = yield* CompiledRouter.compileSteps(config.frontends, tools.matchers, previous?.router)
    for (const [name, backend] of config.backends) {
      const before = previous?.backends.get(name)
      const live = compileBackend(name, backend, before, tools)
      backends.set(name, live)
      if (live !== before) fresh.push(live)
      yield
    }
    compiled = true
    return new Snapshot(generation, config, router, backends, fresh, tools.upstreams)
  } finally {
    if (!compiled) void runInSlices(eachServer(backends.values(), giveBack(tools.upstreams)))
  }
}

function compileBackend(
  name: string,
  config: Backend,
  before: LiveBackend | undefined,
  tools: CompileTools,
): LiveBackend {
  if (before?.config !== config || !areCurrent(before.servers, config, tools.addresses))
    return new LiveBackend(name, config, before, tools)
  for (const { upstream } of before.servers) tools.upstreams.hold(upstream.origin, upstream.address)
  return before
}

function* beginEach(backends: readonly LiveBackend[]): Generator<void, void> {
  for (const backend of backends) {
    backend.begin()
    yield
  }
}

/** Returns a function that gives back an upstream which a failed compilation has taken. */
function giveBack(upstreams: Upstreams): (upstream: Upstream) => void {
  return (upstream) => {
    upstreams.leave(upstream)
    upstreams.release(upstream)
  }
}

/** Releases servers in slices. Ten thousand servers released at once would delay requests. */
function releaseServers(backends: Iterable<LiveBackend>, upstreams: Upstreams): void {
  void runInSlices(eachServer(backends, (upstream) => upstreams.release(upstream)))
}

function* eachServer(
  backends: Iterable<LiveBackend>,
  visit: (upstream: Upstream) => void,
): Generator<void, void> {
  for (const { servers } of backends) {
    for (const { upstream } of servers) visit(upstream)
    yield
  }
}
