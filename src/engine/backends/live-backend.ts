import {
  DEFAULT_STRATEGY,
  looksAtQuality,
  type Strategy,
  type StrategyFactory,
} from '../../balancing/strategies.js'
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
import { limitConnections, type ServerNames, serversOf } from './live-servers.js'
import { OutlierDetection } from './outlier-detection.js'
import { RequestQueue, type Waiting } from './request-queue.js'
import type { RetryBudget } from './retry-budget.js'
import { ServerChanges } from './server-changes.js'
import { OLD_STICKY_COOKIE, StickySessions } from './sticky-sessions.js'

/** What making a backend live needs from the engine. */
export interface BackendTools {
  readonly strategies: ReadonlyMap<string, StrategyFactory>
  readonly upstreams: Upstreams
  readonly addresses: ServerNames
  readonly newBudget: () => RetryBudget
  readonly events: ProxyEmitter
  /** The first makes the values of new sticky cookies, all are honoured. */
  readonly stickySecrets?: readonly string[]
}

/** A backend whose servers are connected to their live side. One, however many frontends name it. */
export class LiveBackend {
  readonly name: string
  readonly config: Backend
  readonly servers: readonly LiveServer[]
  /** To be started when it serves, and stopped when it serves no more. */
  readonly healthChecks: HealthChecks | undefined
  readonly #sticky: StickySessions | undefined
  readonly #carried: CarriedOver
  readonly #changes: ServerChanges
  readonly #pick: Strategy<LiveServer>
  readonly #outliers: OutlierDetection
  /** Whether somebody looks at how its servers answer; else nothing of it is measured. */
  readonly #measures: boolean

  /** @param before the same backend in the generation before: servers that stay keep their state */
  constructor(name: string, config: Backend, before: LiveBackend | undefined, tools: BackendTools) {
    this.name = name
    this.config = config
    this.servers = serversOf(name, config, before?.servers, tools)
    this.#carried = carryOver(name, config, before ? before.#carried : undefined, tools)
    const method = config.loadBalancer?.method ?? DEFAULT_STRATEGY
    const factory = tools.strategies.get(method)
    if (!factory) throw new Error(`there is no strategy ${JSON.stringify(method)}`)
    this.#pick = factory(
      this.servers.filter(({ weight }) => weight > 0),
      config.loadBalancer ?? {},
    )
    this.#changes = new ServerChanges(name, this.#pick, tools.events, () => this.#callWaiting())
    const { sticky, stickiness = sticky ? { cookieName: OLD_STICKY_COOKIE } : undefined } =
      config.loadBalancer ?? {}
    this.#sticky = stickiness && new StickySessions(name, this.servers, stickiness, tools.stickySecrets)
    this.#outliers = new OutlierDetection(this.servers, config.outlierDetection)
    const { upstreams } = tools
    const newUpstream = (origin: string, address?: string) => upstreams.apart(origin, address)
    this.healthChecks =
      config.healthCheck &&
      new HealthChecks(this.servers, config.healthCheck, { newUpstream, connection: upstreams.options })
    this.#measures =
      looksAtQuality(method) || this.#outliers.judgesResponses || this.#carried.breaker !== undefined
  }

  /** What its retries may add to its traffic. */
  get retryBudget(): RetryBudget {
    return this.#carried.retryBudget
  }

  /** It serves from here on: what is known of its servers is told to it. Not before: it may never serve. */
  begin(): void {
    for (const server of this.servers) {
      const { state } = server
      state.maxConnections = server.maxConnections
      this.#changes.listen(server)
      // Nobody would ever put back what checks took out that are made no more.
      if (!this.config.healthCheck) state.putBack('check', 'its health check is made no more')
    }
    limitConnections(this.name, this.servers)
    const isLimited = this.servers.some(({ maxConnections }) => maxConnections < Number.POSITIVE_INFINITY)
    if (isLimited) this.#carried.queue ??= new RequestQueue(this.config.queue)
    this.#carried.queue?.configure(this.config.queue)
    this.#keepOne()
    this.healthChecks?.start()
    this.#callWaiting()
  }

  /** Those that stay may be the ones that were ejected: the last is not out. */
  #keepOne(): void {
    const serving = this.servers.filter(({ weight }) => weight > 0)
    if (serving.some(({ state }) => state.isAvailable)) return
    for (const { state } of serving) state.putBack('ejection', 'there is no other')
  }

  /**
   * The server for a request, or none. It is under way on it from here on: `ended` must follow.
   *
   * @param skip servers that it was sent to in vain
   * @param fallback the server to take if there is no other
   */
  pick(
    skip: ReadonlySet<LiveServer> | undefined,
    facts: RequestFacts,
    fallback?: LiveServer,
  ): LiveServer | undefined {
    const other = fallback?.isAvailable ? fallback : undefined
    const server = this.#wanted(skip, facts) ?? this.#pick(skip, facts) ?? other
    if (!server) return undefined
    if (!server.state) throw notOneOfOurs(server)
    server.state.inFlight += 1
    this.#changes.tell(server)
    return server
  }

  /** The same for a request that only one server may have; none while that has all that it may. */
  take(server: LiveServer): LiveServer | undefined {
    if (!server.hasRoom) return undefined
    server.state.inFlight += 1
    this.#changes.tell(server)
    return server
  }

  /**
   * Lets a request in.
   *
   * @returns what is to be called once when it is over, if anything
   * @throws ProxyError `PROXY_CIRCUIT_OPEN`, `PROXY_TOO_MANY_REQUESTS`
   */
  admit(facts: RequestFacts): (() => void) | undefined {
    this.#carried.breaker?.check()
    this.retryBudget.save()
    return this.#carried.limit?.enter(facts)
  }

  /**
   * Lets a request wait that no server was picked for, where one may come free.
   *
   * @param only the one server that it may have
   * @returns false if there is none to wait for
   * @throws ProxyError `PROXY_SERVERS_BUSY`
   */
  letWait(
    waiting: Waiting,
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

  /** The server that the client is to stay with, if it may have the request. */
  #wanted(skip: ReadonlySet<LiveServer> | undefined, facts: RequestFacts): LiveServer | undefined {
    const server = this.#sticky?.serverOf(facts)
    return server && server.weight > 0 && isUsable(server, skip) ? server : undefined
  }

  /** `Set-Cookie` for a client that is to stay with a server from here on; none where it does already, or nobody is to. */
  cookieFor(server: LiveServer, facts: RequestFacts): string | undefined {
    return this.#sticky?.cookieFor(server, facts)
  }

  /** A request is under way on a server no more, whatever became of it. */
  ended(server: LiveServer): void {
    server.state.inFlight -= 1
    this.#changes.tell(server)
  }

  /** A server may have room. */
  #callWaiting(): void {
    const { queue } = this.#carried
    if (!queue || queue.isEmpty) return
    // A request that waits for one server may have it while that is out of rotation.
    queue.call(() => this.servers.some(({ hasRoom }) => hasRoom))
  }

  /** When a try begins, as `answered` and `failed` want to be told; 0 if nobody wants to know. */
  startOfTry(): number {
    return this.#measures ? performance.now() : 0
  }

  /** The head of a response came. @param startedAt as `startOfTry` said */
  answered(server: LiveServer, status: number, startedAt: number): void {
    if (!this.#measures) return
    const hasFailed = status >= 500
    const latencyMs = performance.now() - startedAt
    server.state.quality.measured(latencyMs, hasFailed)
    this.#carried.breaker?.count(status, latencyMs)
    this.#outliers.judge(server, hasFailed)
  }

  /** A try is over without a response, whoever's fault that is: what it waited in vain tells of the server all the same. */
  unanswered(server: LiveServer, startedAt: number): void {
    if (this.#measures) server.state.quality.measured(performance.now() - startedAt, false)
  }

  /** There is no connection to a server, though nobody waits for it any more. */
  unreachable(server: LiveServer, error: ProxyError): void {
    if (UNREACHABLE.has(error.code)) this.#outliers.unreachable(server, error)
  }

  /** There was no response, and that is the server's fault. */
  failed(server: LiveServer, error: ProxyError, startedAt: number): void {
    if (this.#measures) {
      const latencyMs = performance.now() - startedAt
      server.state.quality.measured(latencyMs, true)
      this.#carried.breaker?.count(undefined, latencyMs)
      this.#outliers.judge(server, true)
    }
    this.unreachable(server, error)
  }
}

const UNREACHABLE: ReadonlySet<string> = new Set([
  'PROXY_CONNECT_FAILED',
  'PROXY_CONNECT_TIMEOUT',
  'PROXY_TLS_FAILED',
])

/** @param found what a balancer of the host's has picked; the rejection of a promise would end the process */
function notOneOfOurs(found: unknown): Error {
  onRejected(found, () => {})
  return new Error(
    'the balancer picked something that is no server of the backend; balancers are synchronous',
  )
}
