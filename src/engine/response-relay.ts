import type { Duplex } from 'node:stream'
import { ProxyError } from '../model/errors.js'
import type { LiveBackend } from './backends/live-backend.js'
import type { LiveServer } from './backends/live-server.js'
import { type Replacement, transformsOf } from './chain.js'
import { hasNoBody } from './client/has-no-body.js'
import type { Exchange } from './exchange.js'
import { HeadReview } from './head-review.js'
import { HeaderLines } from './header-lines.js'
import { fieldOf, forwardResponseHeaders, forwardTrailers } from './headers/forward-headers.js'
import type { RawFields } from './headers/raw-fields.js'
import { lengthOf } from './headers/response-head.js'
import type { ChainRequest } from './middleware-request.js'
import {
  type AuthenticatedEnd,
  authenticatedEnd,
  closeIfLast,
  isWaiting,
  waitAtHead,
  waitForBody,
} from './response-end.js'
import { type ResponseSource, ResponseWriter } from './response-writer.js'
import type { Routed } from './routed.js'
import { switchProtocols } from './switch-protocols.js'
import type { Try } from './try.js'
import { isServersFault, toProxyError } from './upstream/failures.js'
import type { ResponseController, ResponseHandler } from './upstream/server-connection.js'

/** Maximum number of bytes that are read of a response that a middleware has replaced. */
const MAX_READ_REST = 64 * 1024

/** One try to get a response from a server. undici calls its methods, which relay the server's response to the client. */
export class ResponseRelay implements ResponseHandler, ResponseSource, Try {
  readonly #exchange: Exchange
  readonly #routed: Routed
  readonly #backend: LiveBackend
  readonly #server: LiveServer
  readonly startedAt: number
  isFresh = false
  pieces = 0
  #isOver = false
  /** Whether the backend was told how this try ended, or must not be told because the proxy itself failed. */
  #isAnswered = false
  #controller: ResponseController | undefined
  /** The response's header fields as the server sent them. Trailers must not have a field that its `Connection` header names. */
  #fields: RawFields = []
  /** The reason phrase of the response. */
  #reason = ''
  /** Whether nothing counts any longer that the server sends, because the client gets another response. */
  #isDropped = false
  /** Number of body bytes still to come. `NaN` before the head. 0 or less if the response does not give its length. */
  #left = Number.NaN
  /** The middlewares' look at the head. `undefined` if none sees responses. */
  #review: HeadReview | undefined
  readonly #writer: ResponseWriter
  /** How the response must end, if the client has logged in on this server connection. `undefined` on any other connection. */
  #end: AuthenticatedEnd | undefined

  /** Begins a try to get a response from the server that was just picked from the backend. */
  constructor(exchange: Exchange, routed: Routed, backend: LiveBackend, server: LiveServer) {
    this.#exchange = exchange
    this.#routed = routed
    this.#backend = backend
    this.#server = server
    this.#writer = new ResponseWriter(exchange, this)
    this.startedAt = backend.startOfTry()
    exchange.begins(this)
  }

  over(): void {
    if (this.#isOver) return
    this.#isOver = true
    if (!this.#isAnswered) this.#backend.tried(this.#server, undefined, this.startedAt)
    this.#backend.ended(this.#server)
  }

  blame(error: ProxyError): void {
    if (this.#isOver || !isServersFault(error, !this.isOnStale)) return
    this.#isAnswered = true
    this.#backend.tried(this.#server, error, this.startedAt)
  }

  get sent(): boolean {
    return this.#controller !== undefined
  }

  get isOnStale(): boolean {
    return !this.isFresh && this.#controller?.connection.hasRead !== true
  }

  drop(): void {
    this.#isDropped = true
    this.#review?.drop()
    this.#writer.drop()
  }

  abort(reason: ProxyError): void {
    // What a middleware still looks at is dropped, so that the end of this try is not missed.
    this.#review?.drop()
    if (this.#controller && !this.#controller.aborted) this.#controller.abort(reason)
  }

  onRequestStart(controller: ResponseController): void {
    this.#controller = controller
    const { clientLeft, error } = this.#exchange
    if (this.#isDropped || clientLeft || error) controller.abort(error ?? new ProxyError('PROXY_CLIENT_LEFT'))
  }

  onResponseStart(controller: ResponseController, status: number, fields: RawFields, reason: string): void {
    if (this.#isDropped) return
    if (status < 200) return this.#writer.inform(status, fields)
    const { client, tries } = this.#exchange
    this.pieces += 1
    this.#isAnswered = true
    this.#backend.tried(this.#server, status, this.startedAt)
    if (status === 401 || status === 407 || tries.tie)
      this.#end = authenticatedEnd(this.#exchange, this.#server, controller, status, fields)
    this.#fields = fields
    const hasTrailers = client.takesTrailers && !hasNoBody(client.method, status)
    const headers = forwardResponseHeaders(fields, hasTrailers)
    const cookie = this.#backend.cookieFor(this.#server, this.#routed.facts)
    if (cookie !== undefined) headers.push('Set-Cookie', cookie)
    const { request } = this.#routed
    this.#reason = reason
    if (request?.seesResponses) this.#show(controller, request, status, headers)
    else this.#begin(controller, status, headers)
  }

  /** Shows the head to the middlewares. They may replace the response. */
  #show(controller: ResponseController, request: ChainRequest, status: number, headers: string[]): void {
    const response = { request, status, headers: new HeaderLines(headers), madeBy: 'server' } as const
    const decide = (replacement: Replacement | undefined) => {
      if (replacement === undefined) this.#begin(controller, status, headers)
      else this.#replace(controller, replacement, status, headers)
    }
    this.#review = new HeadReview()
    this.#review.begin(this.#exchange, request, response, controller, decide, (error) => this.failed(error))
  }

  /** Sends another response. A small rest of this one is read to its end, so that the connection to the server can stay. */
  #replace(controller: ResponseController, by: Replacement, status: number, headers: string[]): void {
    this.drop()
    this.#exchange.owner.responses.replace(this.#exchange, by, status)
    const length = fieldOf(headers, 'content-length')
    if (length === undefined || Number(length) > MAX_READ_REST)
      controller.abort(new ProxyError('PROXY_CLIENT_LEFT'))
  }

  /** Begins to send the response to the client. */
  #begin(controller: ResponseController, status: number, headers: string[]): void {
    const { request, keptStatus } = this.#routed
    const upgrade = status === 426 ? fieldOf(this.#fields, 'upgrade') : undefined
    if (upgrade) headers.push('Upgrade', upgrade, 'Connection', 'Upgrade')
    closeIfLast(this.#exchange, this.#end)
    this.#left = lengthOf(headers)
    const mayTransform = request?.transformsBodies && !hasNoBody(this.#exchange.client.method, status)
    if (mayTransform) this.#writer.flowThrough(transformsOf(request, status, headers))
    const isHeld = !(this.#left > 0 || isWaiting(this.#end))
    this.#writer.begin(
      keptStatus ?? status,
      keptStatus === undefined ? this.#reason : undefined,
      headers,
      isHeld,
    )
    if (this.#end) waitAtHead(this.#exchange, controller, this.#end, this.#left)
    if ((status === 304 || status === 204) && this.#left > 0) {
      // End the response here: a 204 or 304 has no body, even with a length (RFC 9112, 6.3), but undici would wait for one.
      this.onResponseEnd([])
      this.abort(new ProxyError('PROXY_BAD_RESPONSE'))
    }
  }

  onResponseData(controller: ResponseController, chunk: Buffer): void {
    if (this.#isDropped) return
    if (this.#review?.isWaiting) return this.#review.keep(() => this.onResponseData(controller, chunk))
    this.pieces += 1
    this.#left -= chunk.length
    const isHeld = this.#end === 'waits at its length' && this.#left === 0
    if (isHeld) waitForBody(this.#exchange, controller)
    this.#writer.write(chunk, this.#left, isHeld)
  }

  onResponseEnd(trailers: RawFields): void {
    if (this.#review?.isWaiting) return this.#review.keep(() => this.onResponseEnd(trailers))
    this.over()
    if (!this.#isDropped && !this.#exchange.client.hasEnded)
      this.#writer.end(trailers.length > 0 ? forwardTrailers(trailers, this.#fields) : [])
  }

  onResponseError(thrown: Error): void {
    if (this.#review?.isWaiting) return this.#review.keep(() => this.onResponseError(thrown))
    this.#writer.drop()
    const exchange = this.#exchange
    const error = toProxyError(thrown)
    // If the proxy itself is out of resources, the failure says nothing about the server. So no latency is counted either.
    if (error.code === 'PROXY_OUT_OF_RESOURCES') this.#isAnswered = true
    if (this.#isDropped || exchange.newest !== this || exchange.clientLeft || exchange.client.hasEnded) {
      // If this response is no longer needed, for example because a retry has begun, only report a server that is unreachable.
      if (!this.sent) this.#backend.unreachable(this.#server, error)
      this.over()
      return
    }
    if (!exchange.responded) this.blame(error)
    this.over()
    if (!exchange.responded) return exchange.owner.retryOrRespond(exchange, error)
    // The head has been sent, so no error response can follow. Break the connection to show that the response is incomplete.
    exchange.error = error
    exchange.client.breakOff()
  }

  onRequestUpgrade(fields: RawFields, server: Duplex): void {
    this.#isAnswered = true
    this.#backend.tried(this.#server, 101, this.startedAt)
    server.on('close', () => this.over())
    const cookie = this.#backend.cookieFor(this.#server, this.#routed.facts)
    switchProtocols(this.#exchange, fields, server, cookie)
  }

  get isWell(): boolean {
    // If the server connection is broken, the error comes next, and the client can still get a 502.
    const { error, newest } = this.#exchange
    return !error && newest === this && this.#controller?.connection.isBroken === false
  }

  headLeaves(headers: readonly string[]): void {
    this.#exchange.enter('responding')
    this.#exchange.responseFields = headers
    this.#exchange.unpin()
  }

  failed(error: Error): void {
    this.onResponseError(error)
    this.drop()
    this.#controller?.abort(error)
  }

  enough(): void {
    this.over()
    this.drop()
    this.#controller?.abort(new ProxyError('PROXY_CLIENT_LEFT'))
  }

  pause(): void {
    this.#controller?.pause()
  }

  resume(): void {
    this.#controller?.resume()
  }
}
