import { Readable } from 'node:stream'
import { quote } from '../base/messages.js'
import { ProxyError } from '../model/errors.js'
import type { Redispatch } from '../model/middleware.js'
import { type Answer, discard, isPromise, isRedispatch, type Replacement, reviewResponse } from './chain.js'
import { endsAfter, errorResponse } from './client/error-response.js'
import { type OwnResponse, ownOf, sendOwn } from './client/own-response.js'
import type { Closing } from './closing.js'
import type { Exchange } from './exchange.js'
import { HeaderLines } from './header-lines.js'
import type { Routed } from './routed.js'
import { Tries } from './tries.js'
import { toProxyError } from './upstream/failures.js'

/** Sends the responses that the proxy itself makes. The middlewares of the frontend see each of them first. */
export class OwnResponses {
  readonly #closing: Closing
  readonly #send: (exchange: Exchange, routed: Routed) => void

  /** @param send sends a request to a server of its backend */
  constructor(closing: Closing, send: (exchange: Exchange, routed: Routed) => void) {
    this.#closing = closing
    this.#send = send
  }

  /** Answers with an error, or breaks the response off if it has begun. Never throws. */
  respond(exchange: Exchange, error: ProxyError): void {
    exchange.newest?.over()
    const { client } = exchange
    if (exchange.clientLeft) return exchange.fails(error)
    // If a page that was to stand for an error cannot be had, the client gets that error.
    const shown = exchange.routed?.replaced ?? error
    if (client.status === undefined)
      return this.#safely(exchange, () => this.#review(exchange, errorResponse(client, shown), shown))
    exchange.fails(error)
    client.breakOff()
  }

  /** Answers with what a middleware has said of the request. Never throws. */
  answer(exchange: Exchange, answer: Answer): void {
    if (answer instanceof ProxyError) this.respond(exchange, answer)
    else this.#safely(exchange, () => this.#review(exchange, ownOf(answer)), answer)
  }

  /** Sends another response in place of that of a server. Never throws. @param status that of the server */
  replace(exchange: Exchange, replacement: Replacement, status: number): void {
    exchange.newest?.over()
    this.#safely(exchange, () => this.#decide(exchange, replacement, status), replacement)
  }

  /** Calls a function. If it throws, the client gets that error, and no middleware sees it. */
  #safely(exchange: Exchange, send: () => void, given?: Replacement): void {
    try {
      send()
    } catch (thrown) {
      discard(given)
      const error = toProxyError(thrown)
      if (exchange.client.status !== undefined) return exchange.cut(error)
      try {
        this.send(exchange, errorResponse(exchange.client, error), error)
      } catch {
        // Code of the host may have replaced how a head is written. Then nothing can be sent.
        exchange.cut(error)
      }
    }
  }

  /** Shows the response to the middlewares that have not seen one, then sends it. */
  #review(exchange: Exchange, own: OwnResponse, error?: ProxyError): void {
    const { request } = exchange
    if (!request?.seesResponses || request.unseen === 0) return this.send(exchange, own, error)
    if (own.body instanceof Readable) exchange.sources = [own.body]
    const headers = new HeaderLines(own.headers)
    const response = {
      request,
      status: own.status,
      headers,
      madeBy: 'proxy',
      ...(error && { error }),
    } as const
    const replacement = reviewResponse(response, request)
    const decide = (decided: Replacement | undefined) => {
      if (!decided) return this.send(exchange, own, error)
      discard(own)
      this.#decide(exchange, decided, own.status, error)
    }
    if (!isPromise(replacement)) return decide(replacement)
    exchange.awaits(replacement)
    void replacement.then((late) => {
      if (exchange.isAwaiting(replacement)) return this.#safely(exchange, () => decide(late), late)
      discard(own)
      discard(late)
    })
  }

  #decide(exchange: Exchange, replacement: Replacement, status: number, error?: ProxyError): void {
    if (replacement instanceof ProxyError)
      this.#review(exchange, errorResponse(exchange.client, replacement), replacement)
    else if (isRedispatch(replacement)) this.#redispatch(exchange, replacement, status, error)
    else this.#review(exchange, ownOf(replacement), error)
  }

  /** Sends a response that all middlewares have seen. */
  send(exchange: Exchange, own: OwnResponse, error?: ProxyError): void {
    const { client, tries } = exchange
    if (error) exchange.fails(error)
    else exchange.unpin()
    const mustEnd = error !== undefined && endsAfter(client, error)
    sendOwn(exchange, own, mustEnd || tries.tie !== undefined || this.#closing.endsWith(exchange))
    exchange.enter('responding')
  }

  /**
   * Asks another backend by GET, once for each request. The request's body does not go there.
   *
   * @param status the status of the response that is replaced
   */
  #redispatch(exchange: Exchange, asked: Redispatch, status: number, error?: ProxyError): void {
    const { request, facts, frontend, routed, tries } = exchange
    if (!request || !facts || !frontend || routed?.isRedispatched)
      throw new ProxyError('PROXY_HOOK_FAILED', 'a middleware asked another backend a second time')
    if (/[^\x21-\x7e]|#/.test(asked.target))
      throw new ProxyError(
        'PROXY_HOOK_FAILED',
        `the target ${quote(asked.target)} holds a character to be encoded`,
      )
    const backend = request.backendNamed(asked.backend)
    const { release } = exchange
    exchange.release = undefined
    release?.()
    exchange.tries = new Tries(tries.retries)
    request.becomesGet()
    const redispatched: Routed = {
      facts,
      frontend,
      request,
      backend,
      headers: request.lines,
      target: asked.target.startsWith('/') ? asked.target : `/${asked.target}`,
      bodyLimit: Number.POSITIVE_INFINITY,
      keptStatus: asked.keepStatus ? status : undefined,
      isRedispatched: true,
      replaced: error,
    }
    exchange.routed = redispatched
    try {
      exchange.release = backend.admit(facts)
      this.#send(exchange, redispatched)
    } catch (thrown) {
      // If the page cannot be had, the client gets the error that it was to stand for.
      throw error ?? thrown
    }
  }
}
