import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { ProxyError } from '../model/errors.js'
import type { Timeouts } from '../model/limits.js'
import type { CompiledFrontend } from '../routing/compile-frontend.js'
import type { LiveBackend } from './backends/live-backend.js'
import type { LiveServer } from './backends/live-server.js'
import { breakOff } from './client/break-off.js'
import type { LingeringClose } from './client/lingering-close.js'
import { bodyConsumed, hasBody, RequestBody, wholeBody } from './client/request-body.js'
import { afterUpload } from './client/unread-upload.js'
import type { RawFields } from './headers/raw-fields.js'
import type { Hooks, RequestContext } from './hooks.js'
import { IdleWatch, type Moving } from './idle-watch.js'
import type { LiveFacts } from './read-facts.js'
import type { Snapshot } from './snapshot.js'
import type { Try } from './try.js'
import { isServersFault } from './upstream/failures.js'
import type { ServerConnection } from './upstream/sent-request.js'

/** What the engine is told of an exchange. */
export interface ExchangeOwner {
  /** Nothing was sent to the client yet: the owner may try again, or answer. */
  retryOrRespond(exchange: Exchange, error: ProxyError): void
  /** It is over, well or not. Called once. */
  settle(exchange: Exchange): void
  /** Says which responses end their client connections. */
  readonly closing: { readonly isUnderWay: boolean; endsWith(exchange: Exchange): boolean }
  /** With the connections that are being closed behind their answers. */
  readonly inFlight: { readonly lingering: LingeringClose }
  /** The host's hook. */
  readonly onResponse: Hooks['onResponse']
  readonly authenticated: ConnectionWatch
}

/** Is told of responses that may say whose their connection is. */
export interface ConnectionWatch {
  /** @param fields of the response, as the server sent them */
  answered(
    exchange: Exchange,
    server: LiveServer,
    connection: ServerConnection,
    status: number,
    fields: RawFields,
  ): void
}

/** The socket of an upgrade request. */
export interface PendingUpgrade {
  readonly protocol: string
  readonly socket: Duplex
  /** Gives what came on it behind the head. */
  readonly takeEarly: () => Buffer
}

/** One request and what becomes of it: the state that its steps share, and its end. */
export class Exchange implements Moving {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly upgrade: PendingUpgrade | undefined
  readonly startedAt = performance.now()
  readonly owner: ExchangeOwner
  readonly entryPoint: string | undefined

  /** Called once when it is over. */
  release: (() => void) | undefined
  /** Among those in flight, while it is. */
  place: number | undefined
  snapshot: Snapshot | undefined
  generation = 0
  clientAddress = ''
  facts: LiveFacts | undefined
  frontend: CompiledFrontend | undefined
  backend: LiveBackend | undefined
  server: LiveServer | undefined
  headers: string[] = []
  /** Path and query as servers get them, but for what their own URLs put before. */
  target = ''
  /** Of the request's body, in bytes. */
  bodyLimit = Number.POSITIVE_INFINITY
  /** Servers that this request was sent to in vain. */
  tried: Set<LiveServer> | undefined
  retries = 0
  /** How often others were ended so that it finds a descriptor. */
  rooms = 0
  /** Of the response's body. */
  bodyBytes = 0
  /** Of a server's response, as the client gets them: names and values in turn. */
  responseFields: readonly string[] | undefined
  /** Whether each further try has a new connection: one that stood was cut, and may not have been the only one. */
  fresh = false
  /** Whether it belongs to one server connection, and is never sent on another: once it was sent, or always. */
  tie: 'once sent' | 'always' | undefined
  /** What went wrong, if the client got our answer instead of a server's, or half of one. */
  error: ProxyError | undefined
  /** Set once the head of a response is on its way to the client, or a tunnel stands. */
  responded = false
  /** The server's side of an upgraded connection. */
  tunnelled: Duplex | undefined
  /** The newest try. */
  newest: Try | undefined
  #idleWatch: IdleWatch | undefined
  /** What servers read of the request's body, if it streams. */
  body: RequestBody | undefined
  /** A small body that had come when the first server was picked: each try has all of it. */
  #whole: Buffer | undefined
  #settled = false

  constructor(
    req: IncomingMessage,
    res: ServerResponse,
    owner: ExchangeOwner,
    entryPoint?: string,
    upgrade?: PendingUpgrade,
  ) {
    this.req = req
    this.res = res
    this.owner = owner
    this.entryPoint = entryPoint
    this.upgrade = upgrade
    res.on('error', this.#onResponseError)
    res.on('close', this.#onResponseClosed)
    if (res.socket === null) this.#watchSocket()
  }

  /** Whether its client had gone before it came to us; nothing would tell us later. Then it is over. */
  leftBefore(): boolean {
    if (!this.req.socket.destroyed && !this.res.destroyed) return false
    this.#onResponseClosed()
    return true
  }

  /** What hooks see of it. Only once a server was picked. */
  context(): Omit<RequestContext, 'headers'> {
    return {
      facts: this.facts as LiveFacts,
      frontend: this.frontend?.name ?? '',
      backend: this.backend?.name ?? '',
      server: this.server?.name ?? '',
    }
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

  /** The newest try came to nothing: its server may be to blame. */
  tryFailed(error: ProxyError): void {
    const { backend, server, newest } = this
    if (backend && server && newest && isServersFault(error, !newest.isOnStale))
      backend.failed(server, error, newest.startedAt)
  }

  /** It waits for a server: the try before it is over, and no longer looked at. */
  hasNoTry(): void {
    this.newest = undefined
  }

  /** There will be no further one. @param error what the client is told */
  endTries(error: ProxyError): void {
    this.error = error
    this.unpin()
    this.newest?.over()
  }

  /** The body for one more try; none if it has none. @throws ProxyError `PROXY_BODY_CONSUMED` if something in front has read of it */
  bodyForTry(): RequestBody | Buffer | null {
    if (this.#whole) return this.#whole
    if (!hasBody(this.req)) return null
    if (this.req.readableDidRead) throw bodyConsumed()
    // Whoever read it to its end found nothing in it; nobody would be told of that end again.
    if (this.req.readableEnded) return null
    this.#whole = wholeBody(this.req)
    if (this.#whole) {
      // That of the try before: nobody will read it, and whatever waits for its end would wait for ever.
      this.body = undefined
      return this.#whole
    }
    this.body = new RequestBody(this.req, this.bodyLimit, this.#sendContinue, this.owner.inFlight.lingering)
    return this.body
  }

  /** Whether nothing of the body was read, or all of it is kept, so that a further try can still send it. */
  get bodyUntouched(): boolean {
    return this.body === undefined || !this.req.readableDidRead
  }

  /** What is still to come of the body, if anything is. */
  get bodyToCome(): RequestBody | undefined {
    return this.body?.closed ? undefined : this.body
  }

  /** Not before a server wants the body: one that is refused need not be sent (RFC 9110, 10.1.1). */
  readonly #sendContinue = (): void => {
    const { expect } = this.req.headers
    if (expect === undefined || this.req.httpVersion !== '1.1') return
    // Node's own flag: set where it has answered by itself, before the request came to us.
    const { _sent100: answered } = this.res as ServerResponse & { _sent100?: boolean }
    if (!answered && EXPECTS_100.test(expect)) this.res.writeContinue()
  }

  /** Nobody's request after all: the host's own routes take it over, response included. */
  abandon(): void {
    this.req.socket.off('close', this.#onResponseClosed)
    this.res.off('close', this.#onResponseClosed)
    this.res.off('error', this.#onResponseError)
  }

  /** Ends it from our side: the client's connection and the server's. */
  cut(reason: ProxyError): void {
    this.error ??= reason
    this.tunnelled?.destroy()
    breakOff(this.res)
    // One that waits behind others has no socket yet, and is not told of its end.
    if (this.res.socket === null && !this.tunnelled) this.req.socket.destroy()
    this.upgrade?.socket.destroy()
    this.newest?.abort(reason)
  }

  /** Looked at once a second: what has stood still, or lasted, too long is ended. */
  check(now: number, timeouts: Timeouts): void {
    this.#idleWatch ??= new IdleWatch()
    const error = this.#idleWatch.judge(this, now, timeouts)
    if (error) this.end(error)
  }

  /** Ends it with an error response, or, where something else has left for the client already, by cutting it. */
  end(reason: ProxyError): void {
    if (this.responded || this.error) {
      this.cut(reason)
      return
    }
    this.owner.retryOrRespond(this, reason)
    this.newest?.abort(reason)
  }

  get clientLeft(): boolean {
    return this.res.destroyed || this.#settled
  }

  /** Both ends of a tunnel are its own from here on; it ends with them. */
  becameTunnel(server: Duplex, client: Duplex): void {
    this.responded = true
    this.tunnelled = server
    this.unpin()
    this.res.off('close', this.#onResponseClosed)
    this.res.detachSocket(client as Parameters<ServerResponse['detachSocket']>[0])
    this.res.statusCode = 101
  }

  // A response that waits behind others on its connection is not told when that closes.
  #watchSocket(): void {
    this.req.socket.setMaxListeners(0)
    this.req.socket.on('close', this.#onResponseClosed)
  }

  // One that the client no longer takes tells so by an error, too; 'close' follows, and is enough.
  readonly #onResponseError = (error: Error): void => {
    if (error instanceof ProxyError) this.error ??= error
  }

  readonly #onResponseClosed = (): void => {
    if (!this.res.writableFinished) {
      this.error ??= new ProxyError('PROXY_CLIENT_LEFT')
      this.newest?.abort(this.error)
    } else if (this.responded && !this.req.complete) {
      // A server's answer came early: what its client still sends counts until it is over.
      if (afterUpload(this, this.owner.inFlight.lingering, () => this.settle())) return
    }
    this.settle()
  }

  /** It is over. */
  settle(): void {
    if (this.#settled) return
    this.#settled = true
    this.release?.()
    this.req.socket.off('close', this.#onResponseClosed)
    this.owner.settle(this)
  }
}

/** Among others too, as Node reads it: of several lines it makes a list. */
const EXPECTS_100 = /(?:^|\W)100-continue(?:$|\W)/i
