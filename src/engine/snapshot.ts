import { runInSlices } from '../base/run-steps.js'
import type { ExplainedChain } from '../middlewares/middlewares.js'
import type { Backend } from '../model/config.js'
import type { MergedConfig } from '../model/merge-configs.js'
import type { RequestFacts } from '../model/request-facts.js'
import { CompiledRouter } from '../routing/compiled-router.js'
import type { RouterExplanation } from '../routing/explain-route.js'
import type { MatcherTable } from '../rules/matchers.js'
import type { HealthChecks } from './backends/health-checks.js'
import { type BackendTools, LiveBackend } from './backends/live-backend.js'
import { areCurrent, giveBack, type KnownAddresses } from './backends/live-servers.js'
import { followedNames } from './backends/strict-dns.js'
import { type ChainTools, compileChains } from './live-frontend.js'
import type { Upstream } from './upstream/upstream.js'
import type { Upstreams } from './upstream/upstreams.js'

/** Tells which frontend would match a request, why, and which servers the frontend's backend has. */
export interface RequestExplanation extends RouterExplanation {
  /** The number of the configuration that the explanation is about. */
  readonly generation: number
  /**
   * The middlewares of the request's entry point, and what each would say of the request. They come before the frontend. Absent if
   * there are none.
   */
  readonly entryPoint?: ExplainedChain
  /** The servers of the matching frontend's backend. Empty if no frontend matches. */
  readonly servers: readonly { readonly name: string; readonly url: string; readonly weight: number }[]
}

/** The parts of the engine that are needed to compile a configuration. */
export interface CompileTools extends BackendTools, ChainTools {
  readonly matchers: MatcherTable
}

/** A configuration that is to be compiled. */
export interface GivenSnapshot {
  readonly generation: number
  readonly config: MergedConfig
  /** Whether some provider has not delivered yet. If so, a request that no frontend matches gets 503 instead of 404. */
  readonly partial: boolean
}

/**
 * One compiled configuration, merged from those of all providers. It never changes. Its number is called its generation.
 *
 * Each request pins the snapshot that routed it: the snapshot keeps its server connections until no further server can be picked
 * for the request. Otherwise a new configuration could close the connections to a server just after the request had picked it.
 */
export class Snapshot implements GivenSnapshot {
  readonly generation: number
  readonly config: MergedConfig
  readonly partial: boolean
  readonly router: CompiledRouter
  readonly backends: ReadonlyMap<string, LiveBackend>
  /** Host names of servers whose DNS addresses are watched, each with the milliseconds between two lookups. */
  readonly followedNames: ReadonlyMap<string, number>
  /**
   * Backends that were created for this snapshot and are not in use yet. The others were taken over from the previous snapshot.
   */
  #fresh: readonly LiveBackend[]
  /** The health checks of all backends in the snapshot. */
  readonly #healthChecks: ReadonlySet<HealthChecks>
  readonly #upstreams: Upstreams
  /** Number of requests that still use this snapshot. */
  #pins = 0
  /** Whether a newer snapshot has replaced this one. */
  #retired = false
  /** Whether the snapshot no longer keeps connections to its servers open. */
  #released = false

  constructor(
    given: GivenSnapshot,
    router: CompiledRouter,
    backends: ReadonlyMap<string, LiveBackend>,
    fresh: readonly LiveBackend[],
    upstreams: Upstreams,
  ) {
    this.generation = given.generation
    this.config = given.config
    this.partial = given.partial
    this.router = router
    this.backends = backends
    this.#fresh = fresh
    this.#healthChecks = new Set([...backends.values()].flatMap(({ healthChecks }) => healthChecks ?? []))
    this.followedNames = followedNames(given.config.backends.values())
    this.#upstreams = upstreams
  }

  /**
   * Makes the snapshot live. Health checks of unchanged backends continue, those of removed ones stop, and those of new ones
   * start.
   */
  begin(previous: Snapshot | undefined): void {
    const before = previous ? previous.#healthChecks : []
    for (const checks of before) if (!this.#healthChecks.has(checks)) checks.stop()
    void runInSlices(beginEach(this.#fresh))
    this.#fresh = []
  }

  /** Stops all health checks. Called at the shutdown, when no newer snapshot takes them over. */
  end(): void {
    for (const checks of this.#healthChecks) checks.stop()
  }

  /**
   * Counts a request that uses the snapshot. The snapshot keeps its server connections until `unpin` is called as often as `pin`.
   */
  pin(): void {
    this.#pins += 1
  }

  unpin(): void {
    this.#pins -= 1
    this.#releaseWhenUnused()
  }

  /** Called when a newer snapshot is live. Allows the server connections to close as soon as no request uses this snapshot. */
  retire(): void {
    const leave = (upstream: Upstream) => this.#upstreams.leave(upstream)
    void runInSlices(eachServer(this.backends.values(), leave)).then(() => {
      this.#retired = true
      this.#releaseWhenUnused()
    })
  }

  /** Returns whether the servers of all backends have the IP addresses that are now known for their host names. */
  hasAddresses(known: KnownAddresses): boolean {
    return [...this.backends.values()].every(({ servers, config }) => areCurrent(servers, config, known))
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
 * Compiles a merged configuration in small steps, so that requests can run in between. A backend whose configuration has not
 * changed keeps its servers and the state of its load-balancing strategy. So an unrelated change does not restart a rotation.
 */
export function* compileSnapshot(
  given: GivenSnapshot,
  previous: Snapshot | undefined,
  tools: CompileTools,
): Generator<void, Snapshot> {
  const { config } = given
  const backends = new Map<string, LiveBackend>()
  const fresh: LiveBackend[] = []
  let compiled = false
  try {
    const router = yield* CompiledRouter.compileSteps(config.frontends, tools, previous?.router)
    yield* compileChains(router, previous?.router, tools)
    for (const [name, backend] of config.backends) {
      const before = previous?.backends.get(name)
      const live = compileBackend(name, backend, before, tools)
      backends.set(name, live)
      if (live !== before) fresh.push(live)
      yield
    }
    compiled = true
    return new Snapshot(given, router, backends, fresh, tools.upstreams)
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

/**
 * Allows the connections to the servers of these backends to close. It works in small steps, because ten thousand servers at once
 * would delay requests.
 */
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
