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

/** Which frontend a request would go to, why, and which servers stand behind it. */
export interface RequestExplanation extends RouterExplanation {
  readonly generation: number
  readonly servers: readonly { readonly name: string; readonly url: string; readonly weight: number }[]
}

/** What compiling needs from the engine. */
export interface CompileTools extends BackendTools {
  readonly matchers: MatcherTable
}

/**
 * One merged configuration, compiled; immutable, numbered by generation.
 *
 * Every request *pins* the snapshot it was matched with, until no further server can be picked for it. Without the
 * pin, one wait between matching and picking is enough for a swap to close the picked server's connections.
 */
export class Snapshot {
  readonly generation: number
  readonly config: MergedConfig
  readonly router: CompiledRouter
  readonly backends: ReadonlyMap<string, LiveBackend>
  /** Of servers whose addresses are followed, each with the milliseconds between lookups. */
  readonly names: ReadonlyMap<string, number>
  /** Backends that are not those of the generation before. */
  #fresh: readonly LiveBackend[]
  /** Of its backends. */
  readonly #checks: ReadonlySet<HealthChecks>
  readonly #upstreams: Upstreams
  #pins = 0
  #retired = false
  #letGo = false

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
    this.#checks = new Set([...backends.values()].flatMap(({ healthChecks }) => healthChecks ?? []))
    this.names = followedNames(config.backends.values())
    this.#upstreams = upstreams
  }

  /** It serves from here on. Health checks of backends that stayed as they were go on. */
  begin(previous: Snapshot | undefined): void {
    const before = previous ? previous.#checks : []
    for (const checks of before) if (!this.#checks.has(checks)) checks.stop()
    void runInSlices(beginEach(this.#fresh))
    this.#fresh = []
  }

  /** Nothing serves any more. */
  end(): void {
    for (const checks of this.#checks) checks.stop()
  }

  pin(): void {
    this.#pins += 1
  }

  unpin(): void {
    this.#pins -= 1
    this.#letGoWhenUnused()
  }

  /** The next generation serves: let go of the servers as soon as the last pin is out. */
  retire(): void {
    const leave = (upstream: Upstream) => this.#upstreams.leave(upstream)
    void runInSlices(eachServer(this.backends.values(), leave)).then(() => {
      this.#retired = true
      this.#letGoWhenUnused()
    })
  }

  explain(facts: RequestFacts): RequestExplanation {
    const explanation = this.router.explain(facts)
    const backend = this.backends.get(explanation.winner?.backend ?? '')
    const servers = (backend?.servers ?? []).map(({ name, url, weight }) => ({ name, url, weight }))
    return { generation: this.generation, ...explanation, servers }
  }

  #letGoWhenUnused(): void {
    if (!this.#retired || this.#pins > 0 || this.#letGo) return
    this.#letGo = true
    releaseServers(this.backends.values(), this.#upstreams)
  }
}

/**
 * Compiles a merged configuration in steps. A backend that is configured as before keeps its servers and its
 * strategy's state, so that an unrelated change does not restart a rotation.
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

/** For what was compiled in vain: it neither names its servers nor holds them any more. */
function giveBack(upstreams: Upstreams): (upstream: Upstream) => void {
  return (upstream) => {
    upstreams.leave(upstream)
    upstreams.release(upstream)
  }
}

/** In slices: ten thousand servers let go at once would hold up requests. */
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
