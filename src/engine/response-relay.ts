import type { Duplex } from 'node:stream'
import { asError, ProxyError } from '../model/errors.js'
import type { LiveBackend } from './backends/live-backend.js'
import type { LiveServer } from './backends/live-server.js'
import type { ClientSide } from './client/client-side.js'
import { atEndOfTurn } from './end-of-turn.js'
import type { Exchange, Routed } from './exchange.js'
import { fieldOf, forwardResponseHeaders, forwardTrailers } from './headers/forward-headers.js'
import type { RawFields } from './headers/raw-fields.js'
import { lengthOf } from './headers/response-head.js'
import { contextOf, runResponseHook } from './hooks.js'
import {
  type AuthenticatedEnd,
  authenticatedEnd,
  closeIfLast,
  isWaiting,
  waitAtHead,
  waitForBody,
} from './response-end.js'
import { switchProtocols } from './switch-protocols.js'
import type { Try } from './try.js'
import { isServersFault, toProxyError } from './upstream/failures.js'
import type { ResponseController, ResponseHandler } from './upstream/sent-request.js'

/** Maximum number of informational responses (1xx) on one attempt, because a faulty server could send them without end. */
const MAX_INFORMATIONAL = 32
const TOO_MANY_INFORMATIONAL = `the server sent more than ${MAX_INFORMATIONAL} informational responses (1xx)`

/** The head of a server's response, before it is sent to the client. */
interface HeldHead {
  readonly status: number
  readonly reason: string
  /** Header names and values in turn. */
  readonly headers: string[]
}

/** One attempt to get a response from a server. undici calls its methods, which relay the server's response to the client. */
export class ResponseRelay implements ResponseHandler, Try {
  readonly #exchange: Exchange
  readonly #routed: Routed
  readonly #backend: LiveBackend
  readonly #server: LiveServer
  readonly startedAt: number
  isFresh = false
  pieces = 0
  #isOver = false
  /** Whether the backend was told how this attempt ended, or must not be told because the proxy itself failed. */
  #isAnswered = false
  #controller: ResponseController | undefined
  /** The response's header fields as the server sent them. Trailers must not have a field that its `Connection` header names. */
  #fields: RawFields = []
  /** Number of informational responses (1xx) that the server has sent on this attempt. */
  #informational = 0
  /** The response's head while it is held back. If the body proves broken in the same event loop turn, the client gets a 502. */
  #held: HeldHead | undefined
  /** Whether the head was written to the client, but no part of the body yet. */
  #headAlone = false
  /** Whether to call `flush` of the application's compression middleware at the end of this turn of the event loop. */
  #flushes = false
  /** Number of body bytes still to come. `NaN` before the head. 0 or less if the response does not give its length. */
  #left = Number.NaN
  /** How the response must end, if the client has logged in on this server connection. `undefined` on any other connection. */
  #end: AuthenticatedEnd | undefined

  /** Begins an attempt to get a response from the server that was just picked from the backend. */
  constructor(exchange: Exchange, routed: Routed, backend: LiveBackend, server: LiveServer) {
    this.#exchange = exchange
    this.#routed = routed
    this.#backend = backend
    this.#server = server
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

  abort(reason: ProxyError): void {
    if (this.#controller && !this.#controller.aborted) this.#controller.abort(reason)
  }

  onRequestStart(controller: ResponseController): void {
    this.#controller = controller
    const { clientLeft, error } = this.#exchange
    if (clientLeft || error) controller.abort(error ?? new ProxyError('PROXY_CLIENT_LEFT'))
  }

  onResponseStart(controller: ResponseController, status: number, fields: RawFields, reason: string): void {
    if (status < 200) return this.#inform(controller, status, fields)
    const { client, owner, tries } = this.#exchange
    this.pieces += 1
    this.#isAnswered = true
    this.#backend.tried(this.#server, status, this.startedAt)
    if (status === 401 || status === 407 || tries.tie)
      this.#end = authenticatedEnd(this.#exchange, this.#server, controller, status, fields)
    this.#fields = fields
    const hasTrailers = client.takesTrailers && client.method !== 'HEAD' && status !== 304 && status !== 204
    const headers = forwardResponseHeaders(fields, hasTrailers)
    const cookie = this.#backend.cookieFor(this.#server, this.#routed.facts)
    if (cookie !== undefined) headers.push('Set-Cookie', cookie)
    if (owner.onResponse && !this.#runHook(controller, status, headers)) return
    const upgrade = status === 426 ? fieldOf(fields, 'upgrade') : undefined
    if (upgrade) headers.push('Upgrade', upgrade, 'Connection', 'Upgrade')
    closeIfLast(this.#exchange, this.#end)
    this.#left = lengthOf(headers)
    this.#hold(status, reason, headers)
    if (this.#end) waitAtHead(this.#exchange, controller, this.#end, this.#left)
    if ((status === 304 || status === 204) && this.#left > 0) {
      // End the response here: a 204 or 304 has no body, even with a length (RFC 9112, 6.3), but undici would wait for one.
      this.onResponseEnd([])
      this.abort(new ProxyError('PROXY_BAD_RESPONSE'))
    }
  }

  onResponseData(controller: ResponseController, chunk: Buffer): void {
    const { client } = this.#exchange
    this.#sendHeld()
    this.pieces += 1
    this.#left -= chunk.length
    this.#exchange.bodyBytes += chunk.length
    const isAlone = this.#headAlone
    this.#headAlone = false
    const isHeld = this.#end === 'waits at its length' && this.#left === 0
    if (isHeld) waitForBody(this.#exchange, controller)
    if (isAlone && this.#left === 0 && client.writeLast(chunk)) return
    const hasRoom = client.write(chunk)
    if (!isHeld && this.#left !== 0) this.#flushBody(client)
    if (isHeld) client.end()
    if (hasRoom || isHeld) return
    controller.pause()
    client.whenRoom(() => this.#controller?.resume())
  }

  onResponseEnd(trailers: RawFields): void {
    this.over()
    const { client } = this.#exchange
    if (client.hasEnded) return
    this.#sendHeld()
    this.#headAlone = false
    if (trailers.length > 0) client.endWith(forwardTrailers(trailers, this.#fields))
    else client.end()
  }

  onResponseError(thrown: Error): void {
    this.#held = undefined
    const exchange = this.#exchange
    const error = toProxyError(thrown)
    // If the proxy itself is out of resources, the failure says nothing about the server. So no latency is counted either.
    if (error.code === 'PROXY_OUT_OF_RESOURCES') this.#isAnswered = true
    if (exchange.newest !== this || exchange.clientLeft || exchange.client.hasEnded) {
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

  /** Delays a head without a length until this turn ends. If the body's first chunk proves broken, the client gets a 502. */
  #hold(status: number, reason: string, headers: string[]): void {
    if (this.#left > 0 || isWaiting(this.#end)) this.#sendHead(status, reason, headers)
    else this.#held = { status, reason, headers }
    atEndOfTurn(this)
  }

  #sendHeld(): void {
    const held = this.#held
    if (held) this.#sendHead(held.status, held.reason, held.headers)
  }

  #sendHead(status: number, reason: string, headers: string[]): void {
    const exchange = this.#exchange
    this.#held = undefined
    exchange.client.sendHead(status, reason, headers)
    exchange.enter('responding')
    exchange.responseFields = headers
    exchange.unpin()
    this.#headAlone = true
  }

  #flushBody(client: ClientSide): void {
    if (this.#flushes || !client.isBuffered) return
    this.#flushes = true
    atEndOfTurn(this)
  }

  /** Sends a delayed head, and flushes the application's compression. Without a flush, events of a stream would come late. */
  turnEnded(): void {
    const { client, error, newest } = this.#exchange
    const isBody = this.#flushes
    this.#flushes = false
    try {
      // Do not send the head if the server connection is broken. The error comes next, and the client can still get a 502.
      const isWell = !error && newest === this && this.#controller?.connection.isBroken === false
      if (isWell) this.#sendHeld()
      if (this.#headAlone) client.flushHead()
      else if (isBody && !client.hasEnded && !client.isGone) client.flush()
    } catch (thrown) {
      // If `flush` of the application's middleware throws, or Node refuses the head, the attempt fails with that error.
      const failed = asError(thrown)
      this.onResponseError(failed)
      this.#controller?.abort(failed)
    }
  }

  #inform(controller: ResponseController, status: number, fields: RawFields): void {
    this.#informational += 1
    if (this.#informational <= MAX_INFORMATIONAL) this.#exchange.client.sendInformation(status, fields)
    else controller.abort(new ProxyError('PROXY_BAD_RESPONSE', TOO_MANY_INFORMATIONAL))
  }

  /** Calls the application's `onResponse`. @returns false if the hook failed, so that the client gets an error instead */
  #runHook(controller: ResponseController, status: number, headers: string[]): boolean {
    const exchange = this.#exchange
    try {
      runResponseHook(exchange.owner.onResponse, contextOf(exchange), status, headers)
      return true
    } catch (thrown) {
      const error = toProxyError(thrown)
      exchange.owner.retryOrRespond(exchange, error)
      controller.abort(error)
      return false
    }
  }
}
