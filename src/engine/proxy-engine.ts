import { strategyTable } from '../balancing/strategies.js'
import { present } from '../base/records.js'
import type { ProviderConfig } from '../model/config.js'
import { ProxyError } from '../model/errors.js'
import { DEFAULT_LIMITS, DEFAULT_TIMEOUTS, type Limits, overloaded } from '../model/limits.js'
import type { ApplyMerged, ApplyNotes } from '../model/merge-configs.js'
import type { RequestFacts } from '../model/request-facts.js'
import { matcherTable } from '../rules/matchers.js'
import { AuthenticatedConnections } from './authenticated-connections.js'
import type { LiveServer } from './backends/live-server.js'
import { checkRequest, isForUs } from './check-request.js'
import { checkWhiteList } from './check-white-list.js'
import { claimOf } from './claim-upgrade.js'
import { breakOff } from './client/break-off.js'
import { answerOptions, redirect, writeErrorResponse } from './client/error-response.js'
import type { RequestHandler, UpgradeHandler } from './client/handlers.js'
import { bodyLimitOf, mayComeWhole } from './client/request-body.js'
import { Closing } from './closing.js'
import type { EngineOptions } from './engine-options.js'
import { ProxyEmitter } from './events/proxy-emitter.js'
import { Exchange, type ExchangeOwner } from './exchange.js'
import { Generations } from './generations.js'
import { chainOf, clientOf, peerOf } from './headers/client-address.js'
import { forwardRequestHeaders } from './headers/forward-headers.js'
import { type Forwarding, forwardingOf } from './headers/forwarding-headers.js'
import { EntryPointTrust } from './headers/peer-trust.js'
import { type Hooks, runRequestHook } from './hooks.js'
import { InFlight } from './in-flight.js'
import { Intake } from './intake.js'
import { LoadShedding } from './load-shedding.js'
import { passExchangeOn } from './pass-on.js'
import { LiveFacts } from './read-facts.js'
import { RequestReports } from './request-reports.js'
import { ResponseRelay } from './response-relay.js'
import { Retries } from './retries.js'
import type { RequestExplanation, Snapshot } from './snapshot.js'
import { isStaleConnection, toProxyError } from './upstream/failures.js'
import { UpstreamNetworks } from './upstream/upstream-networks.js'
import { Upstreams } from './upstream/upstreams.js'

/** The data plane: serves requests by the newest configuration that was applied. Owns connections to servers, no listener. */
export class ProxyEngine implements ExchangeOwner {
  /** Where `configChanged`, `requestFinished` and `requestFailed` are emitted. */
  readonly events: ProxyEmitter
  readonly handler: RequestHandler
  readonly upgrade: UpgradeHandler
  readonly inFlight: InFlight
  readonly reports: RequestReports
  readonly shedding: LoadShedding
  readonly closing: Closing

  readonly #trust: EntryPointTrust
  readonly #retries: Retries
  readonly #limits: Limits
  readonly #intake: Intake
  /** The host's, called by an exchange. */
  readonly onResponse: Hooks['onResponse']
  readonly authenticated: AuthenticatedConnections
  readonly #onRequest: Hooks['onRequest']
  readonly #how: Forwarding
  readonly #upstreams: Upstreams
  readonly #generations: Generations

  /** @throws ProxyError `PROXY_OPTION_INVALID` */
  constructor(options: EngineOptions = {}, events = new ProxyEmitter(options.onListenerError)) {
    this.events = events
    this.reports = new RequestReports(events)
    this.#trust = new EntryPointTrust(options.trustedProxies, options.entryPoints)
    this.#how = forwardingOf(options)
    this.#retries = new Retries(options.retry)
    this.#limits = { ...DEFAULT_LIMITS, ...present(options.limits ?? {}) }
    this.#onRequest = options.onRequest
    this.onResponse = options.onResponse
    this.authenticated = new AuthenticatedConnections(options.onRequest !== undefined)
    const timeouts = { ...DEFAULT_TIMEOUTS, ...present(options.timeouts ?? {}) }
    this.inFlight = new InFlight(timeouts, this.#limits)
    this.#intake = new Intake(
      this.#limits,
      events.failures,
      this.inFlight.lingering,
      options.upgradeProtocols,
    )
    const networks = new UpstreamNetworks(this.#limits.upstreamNetworks, options.lookup)
    const { responseHeadBytes, connectionAgeMs: ageMs } = this.#limits
    const tls = options.upstreamTls ?? {}
    this.#upstreams = new Upstreams({ timeouts, networks, tls, responseHeadBytes, ageMs })
    this.shedding = new LoadShedding(this.inFlight, this.#upstreams)
    const tools = {
      matchers: matcherTable(options),
      strategies: strategyTable(options.strategies),
      upstreams: this.#upstreams,
      newBudget: () => this.#retries.newBudget(),
      events,
      stickySecrets: [options.stickySecret ?? []].flat(),
    }
    this.#generations = new Generations(tools, options, events)
    this.closing = new Closing(this.inFlight, this.#generations, this.#upstreams)
    ;({ handler: this.handler, upgrade: this.upgrade } = this.handlersFor(undefined))
  }

  /** The handlers of one entry point: frontends that name entry points answer on those alone. */
  handlersFor(entryPoint: string | undefined): { handler: RequestHandler; upgrade: UpgradeHandler } {
    return this.#intake.handlersFor(
      (req, res, next, pending) => this.#handle(new Exchange(req, res, this, entryPoint, pending), next),
      (req) => claimOf(req, entryPoint, this.snapshot, this.#trust, this.#how.underscoreHeaders),
    )
  }

  #handle(exchange: Exchange, next?: (error?: unknown) => void): void {
    this.inFlight.add(exchange)
    this.reports.began(exchange)
    if (exchange.leftBefore()) return
    // A small body mostly comes with its head: in a moment all of it is here, and leaves in one piece.
    if (mayComeWhole(exchange.req)) process.nextTick(() => this.#begin(exchange, next))
    else this.#begin(exchange, next)
  }

  #begin(exchange: Exchange, next?: (error?: unknown) => void): void {
    if (exchange.clientLeft || this.#forward(exchange, next !== undefined)) return
    this.#forget(exchange)
    if (next) passExchangeOn(next, exchange, this)
  }

  /**
   * THE hot path. Its steps are the headings of docs/life-of-a-request.md. Nothing here waits, nothing throws.
   *
   * @returns false if no frontend matches and the host's own routes are to have it
   */
  #forward(exchange: Exchange, passOn: boolean): boolean {
    const { req, entryPoint } = exchange
    try {
      // pin snapshot
      const { snapshot } = this.#generations
      if (this.closing.isUnderWay) this.closing.join(exchange)
      if (this.inFlight.size > this.#limits.requestsInFlight) throw overloaded(this.#limits)
      if (!snapshot) throw new ProxyError('PROXY_NOT_READY')
      checkRequest(req, this.#how)
      exchange.pin(snapshot)

      // client address
      const peer = peerOf(req)
      const trust = this.#trust.at(entryPoint)
      const trusted = trust.trusts(req, peer)
      const clientAddress = trusted ? clientOf(peer, chainOf(req), trust) : peer
      // Logs and events name the peer where the client has no address.
      exchange.clientAddress = clientAddress || peer

      // facts
      if (isForUs(req)) {
        if (passOn) return false
        this.closing.tell(exchange)
        answerOptions(exchange)
        return true
      }
      const facts = new LiveFacts(req, clientAddress, peer, trusted, entryPoint, this.#how.underscoreHeaders)
      exchange.facts = facts

      // router match
      const frontend = snapshot.router.match(facts)
      if (!frontend && passOn) return false
      if (!frontend) throw new ProxyError(this.#generations.partial ? 'PROXY_NOT_READY' : 'PROXY_NO_ROUTE')
      exchange.frontend = frontend
      const location = frontend.otherSlash?.(facts.path)
      if (location !== undefined) {
        this.closing.tell(exchange)
        redirect(exchange, location + facts.search)
        return true
      }
      checkWhiteList(frontend, clientAddress, peer)
      exchange.backend = snapshot.backends.get(frontend.backend)
      exchange.release = exchange.backend?.admit(facts)
      exchange.bodyLimit = bodyLimitOf(req, exchange.backend?.config, this.#limits)

      // headers
      const { authority } = facts
      exchange.headers = forwardRequestHeaders(req, { peer, clientAddress, trusted, authority }, this.#how)
      const rewritten = frontend.rewrite?.(facts.path)
      exchange.target = rewritten ? rewritten.path + facts.search : facts.target
      if (rewritten) exchange.headers.push(...rewritten.headers)

      this.#send(exchange)
    } catch (thrown) {
      this.#respond(exchange, toProxyError(thrown))
    }
    return true
  }

  /** @param fallback the server to take if there is none that was not tried */
  #send(exchange: Exchange, fallback?: LiveServer): void {
    const { facts, frontend, backend, headers } = exchange
    // pick upstream
    const only = this.authenticated.serverFor(exchange)
    const server = facts && (only ? backend?.take(only) : backend?.pick(exchange.tried, facts, fallback))
    const skip = fallback ? undefined : exchange.tried
    if (!server && backend?.letWait(exchange, skip, () => this.#send(exchange, fallback), only))
      return exchange.hasNoTry()
    if (!backend || !server) throw new ProxyError('PROXY_NO_SERVER')
    exchange.server = server
    const relay = new ResponseRelay(exchange, backend, server)
    if (frontend?.config.passHostHeader === false || facts.authority === '') headers[1] = server.host

    if (this.#onRequest && exchange.retries === 0 && exchange.rooms === 0)
      runRequestHook(this.#onRequest, exchange.context(), headers, this.#how.underscoreHeaders)

    // dispatch
    this.reports.sent(exchange)
    const request = {
      method: facts.method,
      path: server.basePath + exchange.target,
      headers,
      body: exchange.bodyForTry(),
      upgrade: exchange.upgrade?.protocol ?? null,
    }
    this.authenticated.dispatch(exchange, server, request, relay)
  }

  /** retry or respond: a failed try that reached no server's hands goes to another server; else the client is told. */
  retryOrRespond(exchange: Exchange, error: ProxyError): void {
    const { server } = exchange
    exchange.tryFailed(error)
    if (this.shedding.makeRoomFor(exchange, error, () => this.#send(exchange))) return
    const spent = this.#retries.allow(exchange, error)
    if (!server || !spent) return this.#respond(exchange, error)
    exchange.tried = (exchange.tried ?? new Set()).add(server)
    exchange.retries += 1
    const fallback = isStaleConnection(error, exchange.fresh) ? server : undefined
    exchange.fresh ||= error.code === 'PROXY_UPSTREAM_RESET'
    try {
      this.#send(exchange, fallback)
    } catch (thrown) {
      // No server is left: what kept the last one from answering says more than that.
      exchange.retries -= 1
      if (spent !== 'free') spent.giveBack()
      const next = toProxyError(thrown)
      this.#respond(exchange, next.code === 'PROXY_NO_SERVER' ? error : next)
    }
  }

  #respond(exchange: Exchange, error: ProxyError): void {
    exchange.endTries(error)
    if (exchange.clientLeft) return
    const ends = exchange.tie !== undefined || this.closing.endsWith(exchange)
    if (exchange.res.headersSent) breakOff(exchange.res)
    else exchange.bodyBytes = writeErrorResponse(exchange, error, ends)
  }

  /** settle, unpin: the response has left or was cut. */
  settle(exchange: Exchange): void {
    this.#forget(exchange)
    if (this.closing.isUnderWay) this.closing.settled(exchange)
    this.reports.ended(exchange)
  }

  #forget(exchange: Exchange): void {
    exchange.unpin()
    this.inFlight.remove(exchange)
  }

  /** What serves, if anything does yet. */
  get snapshot(): Snapshot | undefined {
    return this.#generations.snapshot
  }

  /** The generation that serves; 0 before the first. */
  get generation(): number {
    return this.snapshot?.generation ?? 0
  }

  /**
   * Validates, compiles and swaps in one document, as if a provider had delivered it. A newer call wins.
   *
   * @throws ProxyError `PROXY_CONFIG_INVALID` with all issues; `PROXY_CONFIG_SUPERSEDED` if a newer one came
   */
  async apply(
    config: ProviderConfig,
    about: ApplyNotes = { provider: 'static' },
  ): Promise<{ generation: number }> {
    return this.#generations.apply(config, about)
  }

  /**
   * The same for what the supervisor has validated and merged; its entries must never change.
   *
   * @throws ProxyError `PROXY_CONFIG_SUPERSEDED` if a newer one came before this was compiled; the reason of `cancel`
   */
  readonly applyMerged: ApplyMerged = (config, about, cancel, onSwapped) =>
    this.#generations.applyMerged(config, about, cancel, onSwapped)

  /** Which frontend a request would go to, and why. @throws ProxyError `PROXY_NOT_READY` */
  explain(facts: RequestFacts): RequestExplanation {
    const { snapshot } = this.#generations
    if (!snapshot) throw new ProxyError('PROXY_NOT_READY')
    return snapshot.explain(facts)
  }

  /** Refuses new requests, waits for those under way, then cuts what is left and every connection to a server. */
  async close({ drainMs = 0 }: { drainMs?: number } = {}): Promise<void> {
    this.closing.drain()
    await this.inFlight.idleWithin(drainMs)
    await this.closing.end()
  }
}
