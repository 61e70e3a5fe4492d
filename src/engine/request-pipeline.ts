import { ProxyError } from '../model/errors.js'
import { type Limits, overloaded } from '../model/limits.js'
import type { Chain } from '../model/middleware.js'
import type { CompiledFrontend } from '../routing/compile-frontend.js'
import { askMiddlewares } from './ask-middlewares.js'
import { AuthenticatedConnections } from './authenticated-connections.js'
import type { LiveServer } from './backends/live-server.js'
import { bodyForTry } from './body-for-try.js'
import { type Answer, tellServer } from './chain.js'
import { checkRequest, isForUs } from './check-request.js'
import { optionsResponse } from './client/error-response.js'
import { bodyLimitOf, mayComeWhole } from './client/request-body.js'
import type { Closing } from './closing.js'
import type { Exchange } from './exchange.js'
import type { ExchangeOwner } from './exchange-owner.js'
import { senderOf } from './headers/client-address.js'
import { forwardRequestHeaders } from './headers/forward-headers.js'
import { ChainRequest } from './middleware-request.js'
import { OwnResponses } from './own-responses.js'
import type { PipelineParts } from './pipeline-parts.js'
import { LiveFacts } from './read-facts.js'
import { ResponseRelay } from './response-relay.js'
import type { Routed } from './routed.js'
import type { Snapshot } from './snapshot.js'
import { isStaleConnection, toProxyError } from './upstream/failures.js'

/** Takes each request through its steps: checks, routing, sending it to a server, retries, and the end of its response. */
export class RequestPipeline implements ExchangeOwner<Exchange> {
  readonly closing: Closing
  readonly limits: Limits
  readonly authenticated: AuthenticatedConnections
  readonly #parts: PipelineParts
  readonly responses: OwnResponses

  constructor(parts: PipelineParts) {
    this.#parts = parts
    this.closing = parts.closing
    this.limits = parts.limits
    this.authenticated = new AuthenticatedConnections(parts.mayAddCredentials)
    this.responses = new OwnResponses(parts.closing, (exchange, routed) => this.#send(exchange, routed))
  }

  /** Takes a new request. @param passOn lets the application's own routes answer a request that no frontend matches, if it has any */
  take(exchange: Exchange, passOn?: () => void): void {
    this.#parts.inFlight.add(exchange)
    this.#parts.reports.began(exchange)
    if (exchange.leftBefore()) return
    // If the request has a small body, wait one tick. By then the body has usually arrived, and can be sent in one piece.
    if (mayComeWhole(exchange.client)) process.nextTick(() => this.#forward(exchange, passOn))
    else this.#forward(exchange, passOn)
  }

  /**
   * The hot path of every request. docs/life-of-a-request.md explains its steps under the same names. The code never throws, and
   * only waits for a middleware that says so.
   *
   * @param passOn lets the application's own routes answer the request, if no frontend matches
   */
  #forward(exchange: Exchange, passOn?: () => void): void {
    const { client } = exchange
    if (exchange.clientLeft) return
    try {
      // pin snapshot
      // Checks the request's head, and keeps the live configuration in memory for this request.
      const { snapshot } = this.#parts.generations
      if (this.closing.isUnderWay) this.closing.join(exchange)
      if (this.#parts.inFlight.size > this.limits.requestsInFlight) throw overloaded(this.limits)
      if (!snapshot) throw new ProxyError('PROXY_NOT_READY')
      checkRequest(client, this.#parts.forwarding)
      exchange.pin(snapshot)

      // An OPTIONS request to the proxy itself gets its response here.
      if (isForUs(client)) {
        if (passOn) return this.#letPass(exchange, passOn)
        return this.responses.send(exchange, optionsResponse())
      }
      const facts = this.#factsOf(exchange)

      // The middlewares of the entry point see the request before it has a frontend.
      const chain = this.#parts.chains.at(exchange.entryPoint)
      if (chain === undefined) this.#match(exchange, facts, snapshot, passOn)
      else this.#meet(exchange, chain, facts, () => this.#match(exchange, facts, snapshot, passOn))
    } catch (thrown) {
      this.responses.respond(exchange, toProxyError(thrown))
    }
  }

  #factsOf(exchange: Exchange): LiveFacts {
    const { client, entryPoint } = exchange
    // client address
    // If a trusted proxy sent the request, its headers name the client address. Otherwise the address of the peer is used.
    const { peer, trusted, clientAddress } = senderOf(client, this.#parts.trust.at(entryPoint))
    // If the client has no address, logs and events show the address of the peer.
    exchange.clientAddress = clientAddress || peer

    // facts
    // Reads the properties that rules test.
    const { underscoreHeaders } = this.#parts.forwarding
    exchange.facts = new LiveFacts(client, clientAddress, peer, trusted, entryPoint, underscoreHeaders)
    return exchange.facts
  }

  #match(exchange: Exchange, facts: LiveFacts, snapshot: Snapshot, passOn?: () => void): void {
    // router match
    // Finds the frontend whose rule matches the request. If there is none, the client gets 404 or 503.
    const frontend = snapshot.router.match(facts)
    if (!frontend && passOn) return this.#letPass(exchange, passOn)
    if (!frontend) throw new ProxyError(snapshot.partial ? 'PROXY_NOT_READY' : 'PROXY_NO_ROUTE')
    exchange.frontend = frontend

    // middlewares
    // Asks the middlewares of the frontend what becomes of the request. A middleware may answer it, also later.
    const { chain } = frontend
    if (chain === undefined) this.#route(exchange, facts, frontend, snapshot)
    else this.#meet(exchange, chain, facts, () => this.#route(exchange, facts, frontend, snapshot))
  }

  /** Asks the middlewares of a chain. */
  #meet(exchange: Exchange, chain: Chain, facts: LiveFacts, goOn: () => void): void {
    const { snapshot } = exchange
    exchange.request ??= new ChainRequest({ exchange, facts, snapshot, forwarding: this.#parts.forwarding })
    exchange.request.meets(chain)
    const answer = (found: Answer) => this.responses.answer(exchange, found)
    askMiddlewares(exchange, exchange.request, { goOn, answer })
  }

  /**
   * Takes a request for a page that the proxy itself answers on an entry point. The middlewares of the entry point see it first.
   *
   * @param answer answers the request
   */
  takePage(exchange: Exchange, answer: () => void): void {
    const { client, entryPoint } = exchange
    const chain = this.#parts.chains.at(entryPoint)
    if (chain === undefined) return this.#letPass(exchange, answer)
    this.#parts.inFlight.add(exchange)
    if (exchange.leftBefore()) return
    try {
      checkRequest(client, this.#parts.forwarding)
      this.#meet(exchange, chain, this.#factsOf(exchange), () => this.#letPass(exchange, answer))
    } catch (thrown) {
      this.responses.respond(exchange, toProxyError(thrown))
    }
  }

  /** Lets code of the application answer a request. The proxy no longer watches it. */
  #letPass(exchange: Exchange, passOn: () => void): void {
    exchange.unpin()
    this.#parts.inFlight.remove(exchange)
    exchange.abandon()
    this.#parts.reports.passedOn(exchange)
    passOn()
  }

  #route(exchange: Exchange, facts: LiveFacts, frontend: CompiledFrontend, snapshot: Snapshot): void {
    const { client, request } = exchange
    request?.refuseTwins()
    const backend = request ? request.liveBackend : snapshot.backends.get(frontend.backend)
    exchange.release = backend?.admit(facts)
    const bodyLimit = bodyLimitOf(client, backend?.config, this.limits)

    // headers
    // Builds the header fields and the path that the server will get.
    const headers = request?.lines ?? forwardRequestHeaders(client, facts, this.#parts.forwarding)
    const rewritten = frontend.rewrite?.(facts.path)
    const target = rewritten ? rewritten.path + facts.search : facts.target
    if (rewritten) headers.push(...rewritten.headers)
    const routed = { facts, frontend, request, backend, headers, target, bodyLimit }
    exchange.routed = routed

    this.#send(exchange, routed)
  }

  /**
   * Sends the request to a server of its backend. If all servers are busy, queues the request until one has room.
   *
   * @param fallback the server of the previous try; it gets the request again if no other server can take it
   * @throws ProxyError `PROXY_NO_SERVER`, or another error if the request could not be sent
   */
  #send(exchange: Exchange, routed: Routed, fallback?: LiveServer): void {
    const { facts, frontend, request, backend, headers } = routed
    const { tries } = exchange
    // pick upstream
    // Picks a server. If all servers are busy, the request waits in the queue of the backend.
    const excluded = request?.excluded
    const own = this.authenticated.serverFor(exchange)
    const only = own && excluded?.has(own) ? undefined : own
    const skip = tries.skipped(excluded)
    const server = only ? backend?.take(only) : backend?.pick(skip, facts, fallback)
    if (!server || !backend) {
      const again = () => this.#send(exchange, routed, fallback)
      if (backend?.letWait(exchange, fallback ? excluded : skip, again, only)) return exchange.waits()
      throw new ProxyError('PROXY_NO_SERVER')
    }
    tries.server = server
    const relay = new ResponseRelay(exchange, routed, backend, server)
    if (frontend.config.passHostHeader === false || facts.authority === '') headers[1] = server.host

    if (request) {
      request.chose(server)
      tellServer(request)
    }

    // dispatch
    // Sends the request, with its body, on a connection to the picked server.
    this.#parts.reports.sent(exchange)
    const sent = {
      method: routed.isRedispatched ? 'GET' : facts.method,
      path: server.basePath + routed.target,
      headers,
      body: bodyForTry(exchange, routed),
      upgrade: (routed.isRedispatched ? undefined : exchange.client.upgradeProtocol) ?? null,
    }
    this.authenticated.dispatch(exchange, server, sent, relay)
  }

  /** retry or respond: sends the request again after a failure if `Retries` allows it. If not, the client gets the error. */
  retryOrRespond(exchange: Exchange, error: ProxyError): void {
    const { routed, tries } = exchange
    const { server } = tries
    if (!routed || !server) return this.responses.respond(exchange, error)
    // A head may have been shown to the middlewares already, which never left. The next one is shown again.
    if (!exchange.isInMiddleware && !routed.isRedispatched) routed.request?.isReached()
    if (this.#parts.shedding.makeRoomFor(exchange, error, () => this.#send(exchange, routed))) return
    const spent = this.#parts.retries.allow(exchange, error)
    if (!spent) return this.responses.respond(exchange, error)
    const fallback = isStaleConnection(error, tries.fresh) ? server : undefined
    tries.retry(server, error.code === 'PROXY_UPSTREAM_RESET')
    try {
      this.#send(exchange, routed, fallback)
    } catch (thrown) {
      // If no server is left for the retry, send the client the error of the previous try, which tells more than
      // `PROXY_NO_SERVER`.
      tries.retries -= 1
      if (spent !== 'free') spent.giveBack()
      const next = toProxyError(thrown)
      this.responses.respond(exchange, next.code === 'PROXY_NO_SERVER' ? error : next)
    }
  }

  /** settle, unpin: called when the response was sent or aborted. Stops using the snapshot, and reports the request's end. */
  settle(exchange: Exchange): void {
    exchange.unpin()
    this.#parts.inFlight.remove(exchange)
    if (this.closing.isUnderWay) this.closing.settled(exchange)
    this.#parts.reports.ended(exchange)
  }
}
