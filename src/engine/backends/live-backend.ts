import { DEFAULT_STRATEGY, type Strategy, type StrategyFactory } from '../../balancing/strategies.js'
import { isUsable } from '../../balancing/strategy.js'
import type { Backend } from '../../model/config.js'
import type { ProxyError } from '../../model/errors.js'
import { onRejected } from '../../model/rejections.js'
import type { RequestFacts } from '../../model/request-facts.js'
import type { ProxyEmitter } from '../events/proxy-emitter.js'
import type { Upstreams } from '../upstream/upstreams.js'
import { type CarriedOver, carryOver } from './carry-over.js'
import { HealthChecks } from './health-checks.js'
import type { LiveServer } from './live-server.js'
import { giveBack, type KnownAddresses, limitConnections, serversOf } from './live-servers.js'
import { newStrategy } from './new-strategy.js'
import { OutlierDetection } from './outlier-detection.js'
import { RequestQueue, type WaitingRequest } from './request-queue.js'
import type { RetryBudget } from './retry-budget.js'
import { ServerChanges } from './server-changes.js'
import { OLD_STICKY_COOKIE, StickySessions } from './sticky-sessions.js'
import { type TryObserver, type TryOutcome, tryObservers } from './try-observers.js'

/** The objects of the engine that all of its live backends use. */
export interface BackendTools {
  readonly strategies: ReadonlyMap<string, StrategyFactory>
  readonly upstreams: Upstreams
  readonly addresses: KnownAddresses
  readonly newBudget: () => RetryBudget
  readonly events: ProxyEmitter
  /** Secrets of sticky cookies. The first one makes the values of new cookies. Cookies of all secrets are accepted. */
  readonly stickySecrets?: readonly string[]
}

/** A configured backend with its live servers and their state. All frontends of a generation that name the backend share it. */
export class LiveBackend {
  readonly name: string
  readonly config: Backend
  readonly servers: readonly LiveServer[]
  /** The health checks, if the backend has any. They run while the backend serves, and the snapshot stops them. */
  readonly healthChecks: HealthChecks | undefined
  readonly #sticky: StickySessions | undefined
  readonly #carried: CarriedOver
  readonly #changes: ServerChanges
  readonly #pick: Strategy<LiveServer>
  readonly #outliers: OutlierDetection
  readonly #observers: readonly TryObserver[]

  /** Creates the backend. @param before the same backend in the generation before. Servers that stay keep their state. */
  constructor(name: string, config: Backend, before: LiveBackend | undefined, tools: BackendTools) {
    this.name = name
    this.config = config
    this.servers = serversOf(name, config, before?.servers, tools)
    this.#carried = carryOver(name, config, before ? before.#carried : undefined, tools)
    const { method = DEFAULT_STRATEGY, sticky } = config.loadBalancer ?? {}
    try {
      this.#pick = newStrategy(name, config, method, tools.strategies.get(method), this.servers)
    } catch (thrown) {
      for (const { upstream } of this.servers) giveBack(tools.upstreams)(upstream)
      throw thrown
    }
    this.#changes = new ServerChanges(this, this.#pick, tools.events, () => this.#callWaiting())
    const { stickiness = sticky ? { cookieName: OLD_STICKY_COOKIE } : undefined } = config.loadBalancer ?? {}
    this.#sticky = stickiness && new StickySessions(name, this.servers, stickiness, tools.stickySecrets)
    this.#outliers = new OutlierDetection(this.servers, config.outlierDetection)
    const { upstreams } = tools
    const newUpstream = (origin: string, address?: string) => upstreams.createUnshared(origin, address)
    this.healthChecks =
      config.healthCheck &&
      new HealthChecks(this.servers, config.healthCheck, { newUpstream, connection: upstreams.options })
    this.#observers = tryObservers(method, this.#outliers, this.#carried.breaker)
  }

  /** The limit on the retries of this backend. */
  get retryBudget(): RetryBudget {
    return this.#carried.retryBudget
  }

  /** Begins to serve, and takes over the servers from the generation before. Never call it on a backend that does not serve. */
  begin(): void {
    for (const server of this.servers) {
      const { state } = server
      state.maxConnections = server.maxConnections
      this.#changes.listen(server)
      // If the health checks were removed, put back the servers that they took out of rotation. No later check could do so.
      if (!this.config.healthCheck)
        state.putBack('check', 'its health check was removed from the configuration')
    }
    limitConnections(this.name, this.servers)
    const isLimited = this.servers.some(({ maxConnections }) => maxConnections < Number.POSITIVE_INFINITY)
    if (isLimited) this.#carried.queue ??= new RequestQueue(this.config.queue)
    this.#carried.queue?.configure(this.config.queue)
    this.#keepOne()
    this.healthChecks?.start()
    this.#callWaiting()
  }

  /** Ends all ejections if no server is in rotation. A new configuration may have kept only servers that are ejected. */
  #keepOne(): void {
    const serving = this.servers.filter(({ weight }) => weight > 0)
    if (serving.some(({ state }) => state.isAvailable)) return
    for (const { state } of serving) state.putBack('ejection', 'no other server is available')
  }

  /**
   * Picks the server for a request, or none. The request counts at once as under way on that server, so `ended` must be called.
   *
   * @param skip servers that failed this request before
   * @param fallback the server to take if no other is available
   */
  pick(
    skip: ReadonlySet<LiveServer> | undefined,
    facts: RequestFacts,
    fallback?: LiveServer,
  ): LiveServer | undefined {
    const other = fallback?.isAvailable ? fallback : undefined
    const server = this.#stickyServer(skip, facts) ?? this.#pick(skip, facts) ?? other
    if (!server) return undefined
    if (!server.state) throw notAServer(server)
    server.state.inFlight += 1
    this.#changes.tell(server)
    return server
  }

  /** Counts a request on the only server that it may go to, and returns that server. Returns undefined if the server is full. */
  take(server: LiveServer): LiveServer | undefined {
    if (!server.hasRoom) return undefined
    server.state.inFlight += 1
    this.#changes.tell(server)
    return server
  }

  /**
   * Lets a request in to this backend, or refuses the request.
   *
   * @returns a function to call once when the request has ended; undefined without `maxConn`
   * @throws ProxyError `PROXY_CIRCUIT_OPEN`, `PROXY_TOO_MANY_REQUESTS`
   */
  admit(facts: RequestFacts): (() => void) | undefined {
    this.#carried.breaker?.check()
    this.retryBudget.save()
    return this.#carried.limit?.enter(facts)
  }

  /**
   * Lets a request for which no server is free wait in the request queue, if a server may become free.
   *
   * @param only the only server that the request may go to. Without it, the request may go to any server.
   * @returns false if waiting would not help
   * @throws ProxyError `PROXY_SERVERS_BUSY` if the queue is full
   */
  letWait(
    waiting: WaitingRequest,
    skip: ReadonlySet<LiveServer> | undefined,
    proceed: () => void,
    only?: LiveServer,
  ): boolean {
    const isBusy = (server: LiveServer) => server.weight > 0 && server.state.isAvailable && !skip?.has(server)
    const { queue } = this.#carried
    if (!queue || !(only || this.servers.some(isBusy))) return false
    const hasAny = () => this.servers.some((server) => server.weight > 0 && isUsable(server, skip))
    const hasServer = only ? () => only.hasRoom : hasAny
    queue.enter(waiting, hasServer, proceed)
    return true
  }

  /** Returns the server that the client's sticky cookie stands for, if that server may get the request. */
  #stickyServer(skip: ReadonlySet<LiveServer> | undefined, facts: RequestFacts): LiveServer | undefined {
    const server = this.#sticky?.serverOf(facts)
    return server && server.weight > 0 && isUsable(server, skip) ? server : undefined
  }

  /** Returns the `Set-Cookie` value of a new sticky cookie for the client. Returns undefined if the client needs no new one. */
  cookieFor(server: LiveServer, facts: RequestFacts): string | undefined {
    return this.#sticky?.cookieFor(server, facts)
  }

  /** Stops counting a request on a server. Must be called when the request has ended there, with any outcome. */
  ended(server: LiveServer): void {
    server.state.inFlight -= 1
    this.#changes.tell(server)
  }

  /** Sends requests that wait in the queue, if a server has room for them. */
  #callWaiting(): void {
    const { queue } = this.#carried
    if (!queue || queue.isEmpty) return
    // Use `hasRoom`, not `isAvailable`: a request that may go to only one server goes there even if it is out of rotation.
    queue.call(() => this.servers.some(({ hasRoom }) => hasRoom))
  }

  /** Returns the start time of a try, which `tried` needs later. Returns 0 if nothing is measured. */
  startOfTry(): number {
    return this.#observers.length > 0 ? performance.now() : 0
  }

  /** Tells all observers how a try ended. A server to which no connection was possible is ejected. */
  tried(server: LiveServer, outcome: TryOutcome, startedAt: number): void {
    if (this.#observers.length > 0) {
      const latencyMs = performance.now() - startedAt
      for (const observe of this.#observers) observe(server, outcome, latencyMs)
    }
    if (typeof outcome === 'object') this.unreachable(server, outcome)
  }

  /** Ejects the server if the error says that no connection was possible. The request may already have gone to another server. */
  unreachable(server: LiveServer, error: ProxyError): void {
    if (UNREACHABLE.has(error.code)) this.#outliers.unreachable(server, error)
  }
}

/** The error codes which mean that no connection to the server was possible. */
const UNREACHABLE: ReadonlySet<string> = new Set([
  'PROXY_CONNECT_FAILED',
  'PROXY_CONNECT_TIMEOUT',
  'PROXY_TLS_FAILED',
])

/**
 * Returns the error for a strategy of the embedding application that picked something other than a server of the backend.
 *
 * @param found what the strategy returned. If it is a promise, its rejection must be handled, or it would end the process.
 */
function notAServer(found: unknown): Error {
  onRejected(found, () => {})
  return new Error(
    'the strategy picked something that is not a server of the backend; a strategy must not return a promise',
  )
}
