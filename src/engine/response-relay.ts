import type { ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { asError, ProxyError } from '../model/errors.js'
import type { LiveBackend } from './backends/live-backend.js'
import type { LiveServer } from './backends/live-server.js'
import { breakOff } from './client/break-off.js'
import { atEndOfTurn, isFlushable, writeJoined } from './client/flush-response.js'
import { RoomForResponse } from './client/room-for-response.js'
import type { Exchange } from './exchange.js'
import { fieldOf, forwardResponseHeaders, forwardTrailers } from './headers/forward-headers.js'
import type { RawFields } from './headers/raw-fields.js'
import { relayInformation } from './headers/relay-information.js'
import { lengthOf, type ResponseHead, reasonOf, writeHead } from './headers/response-head.js'
import { HeaderList, runHook } from './hooks.js'
import { switchProtocols } from './switch-protocols.js'
import type { Try } from './try.js'
import { toProxyError } from './upstream/failures.js'
import type { ResponseController, ResponseHandler } from './upstream/sent-request.js'

/** Responses of a server before the one (1xx). Each is movement: a server could go on with them for ever. */
const MAX_INFORMED = 32

/** One try: the callbacks of undici that carry a server's response back to the client. */
export class ResponseRelay implements ResponseHandler, Try {
  readonly #exchange: Exchange
  readonly #backend: LiveBackend
  readonly #server: LiveServer
  readonly startedAt: number
  isFresh = false
  #isOver = false
  #isAnswered = false
  #controller: ResponseController | undefined
  /** Of the response, as they came: what they say of its connection concerns its trailers too. */
  #fields: RawFields = []
  #informed = 0
  pieces = 0
  /** The head of the response, before it is written: in this turn its body may prove broken. */
  #held: ResponseHead | undefined
  /** It was written, and nothing behind it yet. */
  #headAlone = false
  /** At the end of this turn a host's compression is told to let go of what it has. */
  #flushes = false
  /** Undefined: the client had room for all so far. */
  #room: RoomForResponse | undefined
  /** Bytes of the body that are still to come, if its length is known. */
  #left = Number.NaN
  /** Whether the client's connection ends with the response, as its own at the server does. */
  #endsClient = false
  /** Where the response waits for the request's body, if it must not end before: a client's own connection would end with it. */
  #endWaits: 'at its head' | 'at its length' | undefined

  /** Of a server that was just picked. */
  constructor(exchange: Exchange, backend: LiveBackend, server: LiveServer) {
    this.#exchange = exchange
    this.#backend = backend
    this.#server = server
    this.startedAt = backend.startOfTry()
    exchange.newest = this
  }

  over(): void {
    if (this.#isOver) return
    this.#isOver = true
    if (!this.#isAnswered) this.#backend.unanswered(this.#server, this.startedAt)
    this.#backend.ended(this.#server)
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
    const { req, owner, facts } = this.#exchange
    if (status < 200) {
      this.#inform(controller, status, fields)
      return
    }
    this.pieces += 1
    this.#isAnswered = true
    this.#backend.answered(this.#server, status, this.startedAt)
    if (status === 401 || status === 407 || this.#exchange.tie)
      this.#tellAuthenticated(controller, status, fields)
    this.#fields = fields
    const hasTrailers = req.httpVersion === '1.1' && req.method !== 'HEAD' && status !== 304 && status !== 204
    const headers = forwardResponseHeaders(fields, hasTrailers)
    const cookie = facts && this.#backend.cookieFor(this.#server, facts)
    if (cookie !== undefined) headers.push('Set-Cookie', cookie)
    if (owner.onResponse && !this.#runHook(controller, status, headers)) return
    const upgrade = status === 426 ? fieldOf(fields, 'upgrade') : undefined
    const ends = this.#endsConnection()
    if (upgrade) headers.push('Upgrade', upgrade, 'Connection', ends ? 'Upgrade, close' : 'Upgrade')
    else if (ends) headers.push('Connection', 'close')
    this.#left = lengthOf(headers)
    this.#hold(status, reason, headers)
    if (this.#endWaits) this.#waitAtHead(controller)
    if ((status === 304 || status === 204) && this.#left > 0) {
      // No body follows, whatever the length says (RFC 9112, 6.3); undici would wait for it.
      this.onResponseEnd([])
      this.abort(new ProxyError('PROXY_BAD_RESPONSE'))
    }
  }

  onResponseData(controller: ResponseController, chunk: Buffer): void {
    const { res } = this.#exchange
    this.#sendHeld()
    this.pieces += 1
    this.#left -= chunk.length
    this.#exchange.bodyBytes += chunk.length
    const isAlone = this.#headAlone
    this.#headAlone = false
    const isHeld = this.#endWaits === 'at its length' && this.#left === 0
    if (isHeld) this.#waitForBody(controller)
    if (isAlone && this.#left === 0 && writeJoined(res, chunk)) return
    const hasRoom = res.write(chunk)
    if (!isHeld && this.#left !== 0) this.#flushBody(res)
    if (isHeld) res.end()
    if (hasRoom || isHeld) return
    controller.pause()
    this.#room ??= new RoomForResponse(res, () => this.#controller?.resume())
    this.#room.wait()
  }

  onResponseEnd(trailers: RawFields): void {
    this.over()
    const { res } = this.#exchange
    if (res.writableEnded) return
    this.#sendHeld()
    this.#headAlone = false
    if (trailers.length > 0) res.addTrailers(forwardTrailers(trailers, this.#fields))
    res.end()
  }

  onResponseError(thrown: Error): void {
    this.#held = undefined
    const exchange = this.#exchange
    const error = toProxyError(thrown)
    // What is short on our side says nothing of the server, not even how long it takes.
    if (error.code === 'PROXY_OUT_OF_RESOURCES') this.#isAnswered = true
    if (exchange.newest !== this || exchange.clientLeft || exchange.res.writableEnded) {
      // A try that was given up says so when there is another already. That there is no connection is news all the same.
      if (!this.sent) this.#backend.unreachable(this.#server, error)
      this.over()
      return
    }
    this.over()
    if (!exchange.responded) {
      exchange.owner.retryOrRespond(exchange, error)
      return
    }
    // The head is gone: all that can still be said is that the body is not whole, by never ending it cleanly.
    exchange.error = error
    breakOff(exchange.res)
  }

  onRequestUpgrade(fields: RawFields, server: Duplex): void {
    const { facts } = this.#exchange
    this.#isAnswered = true
    this.#backend.answered(this.#server, 101, this.startedAt)
    server.on('close', () => this.over())
    switchProtocols(this.#exchange, fields, server, facts && this.#backend.cookieFor(this.#server, facts))
  }

  /** Keeps the head of chunks for this turn: the first may be broken. As long as nothing has left, that is still a 502. */
  #hold(status: number, reason: string, headers: readonly string[]): void {
    if (this.#left > 0 || this.#endWaits) this.#sendHead(status, reason, headers)
    else this.#held = { status, reason, headers }
    atEndOfTurn(this)
  }

  #sendHeld(): void {
    const held = this.#held
    if (held) this.#sendHead(held.status, held.reason, held.headers)
  }

  #sendHead(status: number, reason: string, headers: readonly string[]): void {
    const exchange = this.#exchange
    this.#held = undefined
    writeHead(exchange.res, status, reasonOf(status, reason), headers)
    exchange.responded = true
    exchange.responseFields = headers
    exchange.unpin()
    this.#headAlone = true
  }

  #flushBody(res: ServerResponse): void {
    if (this.#flushes || !isFlushable(res)) return
    this.#flushes = true
    atEndOfTurn(this)
  }

  /** What is kept back for what may follow leaves: it may follow long after. An event stream may even be silent at first. */
  turnEnded(): void {
    const { res, error, newest } = this.#exchange
    const isBody = this.#flushes
    this.#flushes = false
    try {
      // What has come of a broken connection was no whole response; the error is on its way.
      const isWell = !error && newest === this && this.#controller?.connection.isBroken === false
      if (isWell) this.#sendHeld()
      if (this.#headAlone) res.flushHeaders()
      else if (isBody && isFlushable(res) && !res.writableEnded && !res.destroyed) res.flush()
    } catch (thrown) {
      // A host's own, or a head that Node does not write.
      const failed = asError(thrown)
      this.onResponseError(failed)
      this.#controller?.abort(failed)
    }
  }

  #tellAuthenticated(controller: ResponseController, status: number, fields: RawFields): void {
    const exchange = this.#exchange
    exchange.owner.authenticated.answered(exchange, this.#server, controller.connection, status, fields)
    // Else the client would go on with a handshake that the server has ended.
    this.#endsClient = controller.connection.isPrivate && /close/i.test(fieldOf(fields, 'connection') ?? '')
    if (this.#endsClient || !controller.connection.isPrivate || !exchange.bodyToCome) return
    const isMeasured = fieldOf(fields, 'content-length') !== undefined
    this.#endWaits = isMeasured ? 'at its length' : 'at its head'
  }

  /** Whether the client's connection ends with this response. It is closed in stages then. */
  #endsConnection(): boolean {
    const { req, owner, body } = this.#exchange
    const closes = owner.closing.isUnderWay && owner.closing.endsWith(this.#exchange)
    if (!closes && !this.#endsClient && (req.complete || !this.#isEarly())) return false
    owner.inFlight.lingering.after(req.socket, body, true)
    return true
  }

  /**
   * Whether much of the request's body is still to come. Once the response ends nobody reads that, so the connection ends with
   * it: the client may stop sending (RFC 9112, 9.5). Until then the server may read on.
   */
  #isEarly(): boolean {
    const body = this.#exchange.bodyToCome
    return body !== undefined && !this.#endWaits && !body.isNearlyWhole
  }

  #waitAtHead(controller: ResponseController): void {
    if (this.#left > 0) return
    this.#waitForBody(controller)
    if (this.#endWaits === 'at its length') this.#exchange.res.end()
  }

  /**
   * undici closes a connection whose response ends before its request: a handshake would end with it. The client has all of a
   * response whose length is known.
   */
  #waitForBody(controller: ResponseController): void {
    const body = this.#exchange.bodyToCome
    if (!body) return
    controller.pause()
    body.once('close', () => setImmediate(() => controller.resume()))
  }

  #inform(controller: ResponseController, status: number, fields: RawFields): void {
    this.#informed += 1
    if (this.#informed <= MAX_INFORMED) relayInformation(this.#exchange.res, status, fields)
    else controller.abort(new ProxyError('PROXY_BAD_RESPONSE', 'too many responses before the one (1xx)'))
  }

  /** @returns whether the response may go on */
  #runHook(controller: ResponseController, status: number, headers: string[]): boolean {
    const exchange = this.#exchange
    const { onResponse = ignore } = exchange.owner
    try {
      runHook(onResponse, { ...exchange.context(), status, headers: new HeaderList(headers) })
      return true
    } catch (thrown) {
      const error = toProxyError(thrown)
      exchange.owner.retryOrRespond(exchange, error)
      controller.abort(error)
      return false
    }
  }
}

function ignore(): void {}
