import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { ProxyError } from '../model/errors.js'
import type { CompiledFrontend } from '../rules/router.js'
import { toProxyError } from './failures.js'
import { forwardResponseHeaders } from './forward-headers.js'
import type { LiveFacts } from './read-facts.js'
import { RequestBody } from './request-body.js'
import type { LiveBackend, LiveServer, Snapshot } from './snapshot.js'
import { switchingHead, tunnel } from './upgrade.js'
import type { ResponseController, ResponseHandler } from './upstreams.js'

/** What the engine is told of an exchange. */
export interface ExchangeOwner {
  /** Nothing was sent to the client yet: the owner may try again, or answer. */
  retryOrRespond(exchange: Exchange, error: ProxyError): void
  /** It is over, well or not. Called once. */
  settle(exchange: Exchange): void
  /** Whether client connections should end with the response under way. */
  readonly draining: boolean
}

/** The socket of an upgrade request, and what came on it behind the head. */
export interface PendingUpgrade {
  readonly protocol: string
  readonly socket: Duplex
  readonly head: Buffer
}

/**
 * One request and what becomes of it: the state that its steps share, and the callbacks of undici that carry the
 * response back to the client.
 */
export class Exchange implements ResponseHandler {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly upgrade: PendingUpgrade | undefined
  readonly startedAt = performance.now()
  readonly #owner: ExchangeOwner

  snapshot: Snapshot | undefined
  generation = 0
  clientAddress = ''
  facts: LiveFacts | undefined
  frontend: CompiledFrontend | undefined
  backend: LiveBackend | undefined
  server: LiveServer | undefined
  headers: string[] = []
  /** Servers that this request was sent to in vain. */
  tried: Set<LiveServer> | undefined
  retries = 0
  /** What went wrong, if the client got our answer instead of a server's, or half of one. */
  error: ProxyError | undefined
  /** Set once the head of a response is on its way to the client, or a tunnel stands. */
  responded = false
  #body: RequestBody | undefined
  #controller: ResponseController | undefined
  #tunnelled: Duplex | undefined
  #settled = false
  /** The head of the response was written, and nothing behind it yet. */
  #headAlone = false

  constructor(req: IncomingMessage, res: ServerResponse, owner: ExchangeOwner, upgrade?: PendingUpgrade) {
    this.req = req
    this.res = res
    this.upgrade = upgrade
    this.#owner = owner
    // A response that the client no longer takes tells so by an error; 'close' follows, and is enough.
    res.on('error', ignore)
    res.on('close', this.#onResponseClosed)
    if (res.socket === null) this.#watchSocket()
  }

  /** Keeps a snapshot's servers connected until `unpin`. */
  pin(snapshot: Snapshot): void {
    snapshot.pin()
    this.snapshot = snapshot
    this.generation = snapshot.generation
  }

  /** No further server will be picked. A long download or tunnel must not keep a whole generation alive. */
  unpin(): void {
    this.snapshot?.unpin()
    this.snapshot = undefined
  }

  /** The body for one more try, or null if there is none. */
  bodyForTry(): RequestBody {
    this.#body = new RequestBody(this.req)
    return this.#body
  }

  /** Whether nothing of the body was read, so that a further try can still send all of it. */
  get bodyUntouched(): boolean {
    return this.#body === undefined || !this.req.readableDidRead
  }

  /** Nobody's request after all: the host's own routes take it over, response included. */
  abandon(): void {
    this.req.socket.off('close', this.#onResponseClosed)
    this.res.off('close', this.#onResponseClosed)
    this.res.off('error', ignore)
  }

  /** Ends it from our side: the client's connection and the server's. */
  cut(reason: ProxyError): void {
    this.error ??= reason
    this.#tunnelled?.destroy()
    this.res.destroy()
    this.upgrade?.socket.destroy()
    this.#abort(reason)
  }

  get clientLeft(): boolean {
    return this.res.destroyed || this.#settled
  }

  onRequestStart(controller: ResponseController): void {
    this.#controller = controller
    if (this.clientLeft) controller.abort(new ProxyError('PROXY_CLIENT_LEFT'))
  }

  onResponseStart(
    controller: ResponseController,
    status: number,
    _headers: unknown,
    statusText?: string,
  ): void {
    if (status < 200) return
    const headers = forwardResponseHeaders(controller.rawHeaders as (Buffer | string)[])
    if (this.#owner.draining) headers.push('Connection', 'close')
    writeHead(this.res, status, reasonOf(statusText), headers)
    this.responded = true
    this.unpin()
    this.res.on('drain', () => controller.resume())
    this.#headAlone = true
    process.nextTick(this.#flushHead)
    if (status === 304 && lengthOf(headers) > 0) {
      // Such a length is that of the body that a 200 would have (RFC 9110, 8.6); undici would wait for it.
      this.onResponseEnd()
      this.#abort(new ProxyError('PROXY_BAD_RESPONSE'))
    }
  }

  onResponseData(controller: ResponseController, chunk: Buffer): void {
    this.#headAlone = false
    if (!this.res.write(chunk)) controller.pause()
  }

  onResponseEnd(): void {
    this.#headAlone = false
    this.res.end()
  }

  // Node keeps a head back until there is a body, which may be long after: an event stream that is silent at first.
  readonly #flushHead = (): void => {
    if (this.#headAlone) this.res.flushHeaders()
  }

  onResponseError(_controller: ResponseController | null, thrown: Error): void {
    if (this.clientLeft || this.res.writableEnded) return
    const error = toProxyError(thrown)
    if (!this.responded) {
      this.#owner.retryOrRespond(this, error)
      return
    }
    // The head is gone: all that can still be said is that the body is not whole, by never ending it cleanly.
    this.error = error
    this.res.destroy()
  }

  onRequestUpgrade(controller: ResponseController, _status: number, _headers: unknown, server: Duplex): void {
    const upgrade = this.upgrade
    server.on('error', ignore)
    // When the server has said all, the client may still have something to say.
    server.allowHalfOpen = true
    if (!upgrade || this.clientLeft) {
      server.destroy()
      return
    }
    this.responded = true
    this.#tunnelled = server
    this.unpin()
    this.res.off('close', this.#onResponseClosed)
    this.res.detachSocket(upgrade.socket as Parameters<ServerResponse['detachSocket']>[0])
    this.res.statusCode = 101
    upgrade.socket.write(
      switchingHead(upgrade.protocol, controller.rawHeaders as (Buffer | string)[]),
      'latin1',
    )
    if (upgrade.head.length > 0) server.write(upgrade.head)
    tunnel(upgrade.socket, server, () => this.#settle())
  }

  // A response that waits behind others on its connection is not told when that closes.
  #watchSocket(): void {
    this.req.socket.setMaxListeners(0)
    this.req.socket.on('close', this.#onResponseClosed)
  }

  readonly #onResponseClosed = (): void => {
    if (!this.res.writableFinished) {
      this.error ??= new ProxyError('PROXY_CLIENT_LEFT')
      this.#abort(this.error)
    }
    this.#settle()
  }

  #abort(reason: ProxyError): void {
    if (this.#controller && !this.#controller.aborted) this.#controller.abort(reason)
  }

  #settle(): void {
    if (this.#settled) return
    this.#settled = true
    this.req.socket.off('close', this.#onResponseClosed)
    this.#owner.settle(this)
  }
}

/** Writes a head as the server sent it; what the host has set on the response stays where the server says nothing. */
function writeHead(res: ServerResponse, status: number, reason: string, headers: readonly string[]): void {
  if (res.getHeaderNames().length === 0) {
    res.writeHead(status, reason, headers as string[])
    return
  }
  // Node 20 would keep one line only of each name, so one cookie of several.
  for (let index = 0; index < headers.length; index += 2) res.removeHeader(headers[index] as string)
  for (let index = 0; index < headers.length; index += 2)
    res.appendHeader(headers[index] as string, headers[index + 1] as string)
  res.writeHead(status, reason)
}

function lengthOf(headers: readonly string[]): number {
  const index = headers.findIndex((name, at) => at % 2 === 0 && name.toLowerCase() === 'content-length')
  return index < 0 ? 0 : Number(headers[index + 1])
}

// undici reads it as UTF-8, node writes Latin-1 and throws at all else: its bytes are what should leave.
function reasonOf(statusText = ''): string {
  return Buffer.from(statusText, 'utf8').toString('latin1')
}

function ignore(): void {}
