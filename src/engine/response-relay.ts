import { ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { asError, ProxyError } from '../model/errors.js'
import type { Exchange, Try } from './exchange.js'
import { toProxyError } from './failures.js'
import { fieldOf, forwardResponseHeaders, forwardTrailers } from './forward-headers.js'
import { HeaderList, runHook } from './hooks.js'
import type { LiveBackend } from './live-backend.js'
import type { LiveServer } from './live-server.js'
import { relayInformation } from './relay-information.js'
import { lengthOf, reasonOf, writeHead } from './response-head.js'
import type { RawFields, ResponseController, ResponseHandler } from './sent-request.js'
import { switchingHead, tunnel } from './upgrade.js'

/** Responses of a server before the one (1xx). Each is movement: a server could go on with them for ever. */
const MAX_INFORMED = 32

/** Bytes of a body that is joined with its head: a copy of more would take longer than a second piece. */
const MAX_JOINED = 8 * 1024

/** A host that has put something of its own in their place, to compress for example, may not expect texts. */
const { write: WRITE, end: END } = ServerResponse.prototype

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
  /** The head of the response was written, and nothing behind it yet. */
  #headAlone = false
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
    const { req, res, owner, facts } = this.#exchange
    this.pieces += 1
    if (status < 200) {
      this.#inform(controller, status, fields)
      return
    }
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
    if (upgrade) headers.push('Upgrade', upgrade, 'Connection', 'Upgrade')
    else if (owner.draining || this.#endsClient) headers.push('Connection', 'close')
    writeHead(res, status, reasonOf(status, reason), headers)
    this.#exchange.responded = true
    this.#exchange.responseFields = headers
    this.#exchange.unpin()
    this.#headAlone = true
    this.#left = lengthOf(headers)
    flushSoon(this)
    if (this.#endWaits) this.#waitAtHead(controller)
    if ((status === 304 || status === 204) && this.#left > 0) {
      // No body follows, whatever the length says (RFC 9112, 6.3); undici would wait for it.
      this.onResponseEnd([])
      this.abort(new ProxyError('PROXY_BAD_RESPONSE'))
    }
  }

  onResponseData(controller: ResponseController, chunk: Buffer): void {
    const { res } = this.#exchange
    this.pieces += 1
    this.#left -= chunk.length
    this.#exchange.bodyBytes += chunk.length
    const joins = this.#headAlone && this.#left === 0 && chunk.length <= MAX_JOINED
    this.#headAlone = false
    const isHeld = this.#endWaits === 'at its length' && this.#left === 0
    if (isHeld) this.#waitForBody(controller)
    if (joins && res.write === WRITE && res.end === END) {
      // Head and body leave as one text, in one write: as two pieces, or with the empty one that node adds to a text that it
      // is given at the end, they would take a `writev` and twice the time.
      res.write(chunk.toString('latin1'), 'latin1')
      res.socket?.uncork()
      res.end()
      return
    }
    const hasRoom = res.write(chunk)
    if (isHeld) res.end()
    if (hasRoom || isHeld) return
    controller.pause()
    // Node says so from within a write of the response behind, and that from within undici's parser of another connection:
    // there is one for all, which would take this call for one that it must not be given.
    res.once('drain', () => setImmediate(() => controller.resume()))
  }

  onResponseEnd(trailers: RawFields): void {
    this.over()
    this.#headAlone = false
    const { res } = this.#exchange
    if (res.writableEnded) return
    if (trailers.length > 0) res.addTrailers(forwardTrailers(trailers, this.#fields))
    res.end()
  }

  onResponseError(thrown: Error): void {
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
    exchange.res.destroy()
  }

  onRequestUpgrade(fields: RawFields, server: Duplex): void {
    const { upgrade, clientLeft, owner, facts } = this.#exchange
    this.#isAnswered = true
    this.#backend.answered(this.#server, 101, this.startedAt)
    server.on('error', ignore)
    server.on('close', () => this.over())
    // When the server has said all, the client may still have something to say.
    server.allowHalfOpen = true
    if (!upgrade || clientLeft) {
      server.destroy()
      return
    }
    const { protocol, socket, takeEarly } = upgrade
    if (fieldOf(fields, 'upgrade')?.toLowerCase() !== protocol) {
      // The client would speak another protocol than the server (RFC 9110, 7.8).
      server.destroy()
      const error = new ProxyError('PROXY_BAD_RESPONSE', 'the server switched to another protocol')
      owner.retryOrRespond(this.#exchange, error)
      return
    }
    this.#exchange.becameTunnel(server, socket)
    const cookie = facts && this.#backend.cookieFor(this.#server, facts)
    socket.write(switchingHead(protocol, fields, cookie), 'latin1')
    const early = takeEarly()
    if (early.length > 0) server.write(early)
    tunnel(socket, server, () => this.#exchange.settle())
  }

  /** Node keeps a head back until there is a body, which may be long after: an event stream that is silent at first. */
  flushHead(): void {
    if (!this.#headAlone) return
    try {
      this.#exchange.res.flushHeaders()
    } catch (thrown) {
      // A host's own.
      this.onResponseError(asError(thrown))
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

/** Their bodies mostly come in the same piece as the head, and then nothing is left to do. */
const heads: ResponseRelay[] = []

function flushSoon(relay: ResponseRelay): void {
  if (heads.push(relay) === 1) setImmediate(flushHeads)
}

function flushHeads(): void {
  for (const relay of heads.splice(0)) relay.flushHead()
}

function ignore(): void {}
