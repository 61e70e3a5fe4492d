import type { Backend } from '../model/config.js'
import type { MergedConfig } from '../model/merge-configs.js'
import type { RequestFacts } from '../model/request-facts.js'
import { type Balancer, type BalancerFactory, type Candidate, DEFAULT_STRATEGY } from '../rules/balancers.js'
import type { MatcherTable } from '../rules/matchers.js'
import { Router, type RouterExplanation } from '../rules/router.js'
import { runInSlices } from '../rules/run-steps.js'
import { parseServerUrl } from '../rules/server-url.js'
import type { RetryBudget } from './retry-budget.js'
import type { Upstream } from './upstream.js'
import type { Upstreams } from './upstreams.js'

/** A server of a live backend: what a strategy picks. */
export interface LiveServer extends Candidate {
  /** Its name within the backend. */
  readonly name: string
  readonly url: string
  readonly upstream: Upstream
  /** Prepended to every path; `''` if the URL has none. */
  readonly basePath: string
  /** Host and port of the URL, for requests that do not keep the client's `Host`. */
  readonly host: string
}

/** A backend whose servers are connected to their live side. */
export interface LiveBackend {
  readonly name: string
  readonly config: Backend
  readonly servers: readonly LiveServer[]
  readonly pick: Balancer<LiveServer>
  readonly retryBudget: RetryBudget
}

/** Which frontend a request would go to, why, and which servers stand behind it. */
export interface RequestExplanation extends RouterExplanation {
  readonly generation: number
  readonly servers: readonly { readonly name: string; readonly url: string; readonly weight: number }[]
}

/** What compiling needs from the engine. */
export interface CompileTools {
  readonly matchers: MatcherTable
  readonly balancers: ReadonlyMap<string, BalancerFactory>
  readonly upstreams: Upstreams
  readonly newBudget: () => RetryBudget
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
  readonly router: Router
  readonly backends: ReadonlyMap<string, LiveBackend>
  readonly #upstreams: Upstreams
  #pins = 0
  #retired = false
  #letGo = false

  constructor(
    generation: number,
    config: MergedConfig,
    router: Router,
    backends: ReadonlyMap<string, LiveBackend>,
    upstreams: Upstreams,
  ) {
    this.generation = generation
    this.config = config
    this.router = router
    this.backends = backends
    this.#upstreams = upstreams
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
  let compiled = false
  try {
    const router = yield* Router.compileSteps(config.frontends, tools.matchers, previous?.router)
    for (const [name, backend] of config.backends) {
      backends.set(name, compileBackend(name, backend, previous?.backends.get(name), tools))
      yield
    }
    compiled = true
    return new Snapshot(generation, config, router, backends, tools.upstreams)
  } finally {
    if (!compiled) void runInSlices(eachServer(backends.values(), giveBack(tools.upstreams)))
  }
}

function compileBackend(
  name: string,
  config: Backend,
  before: LiveBackend | undefined,
  { balancers, upstreams, newBudget }: CompileTools,
): LiveBackend {
  if (before?.config === config) {
    for (const { upstream } of before.servers) upstreams.hold(upstream.origin)
    return before
  }
  const servers = Object.entries(config.servers).map(([serverName, { url, weight = 1 }]): LiveServer => {
    const { origin, host, basePath } = parseServerUrl(url)
    return { name: serverName, url, weight, host, basePath, upstream: upstreams.hold(origin) }
  })
  const factory = balancers.get(config.loadBalancer?.method ?? DEFAULT_STRATEGY)
  if (!factory) throw new Error(`there is no strategy ${JSON.stringify(config.loadBalancer?.method)}`)
  const pick = factory(servers.filter(({ weight }) => weight > 0))
  return { name, config, servers, pick, retryBudget: before?.retryBudget ?? newBudget() }
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
