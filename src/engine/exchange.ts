import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { ProxyError } from '../model/errors.js'
import type { Timeouts } from '../model/limits.js'
import type { CompiledFrontend } from '../routing/compile-frontend.js'
import type { LiveBackend } from './backends/live-backend.js'
import type { LiveServer } from './backends/live-server.js'
import { breakOff } from './client/break-off.js'
import type { RequestBody } from './client/request-body.js'
import { afterUpload } from './client/unread-upload.js'
import type { ExchangeOwner } from './exchange-owner.js'
import { IdleWatch, type Moving } from './idle-watch.js'
import type { LiveFacts } from './read-facts.js'
import type { Snapshot } from './snapshot.js'
import type { Try } from './try.js'
import { isServersFault } from './upstream/failures.js'

/** The socket of an upgrade request, and the protocol that it asks for. */
export interface PendingUpgrade {
  readonly protocol: string
  readonly socket: Duplex
  /** Returns the bytes that came on the socket behind the request's head. */
  readonly takeEarly: () => Buffer
}

/** One request of a client and its response: the state that the steps of the pipeline share, and how it ends. */
export class Exchange implements Moving {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly upgrade: PendingUpgrade | undefined
  readonly startedAt = performance.now()
  readonly owner: ExchangeOwner<Exchange>
  readonly entryPoint: string | undefined

  /** Gives back the exchange's place under the `maxConn` of its backend. Called once, at the end. */
  release: (() => void) | undefined
  /** The index in the list of exchanges in flight, or `undefined` when the exchange is not in flight. */
  index: number | undefined
  /** The pinned snapshot. `undefined` before the pin, and once no further server will be picked. */
  snapshot: Snapshot | undefined
  /** The generation of the snapshot that was pinned; 0 before. */
  generation = 0
  /** The client address, or the peer address where the client has none. */
  clientAddress = ''
  facts: LiveFacts | undefined
  frontend: CompiledFrontend | undefined
  backend: LiveBackend | undefined
  server: LiveServer | undefined
  /** The header fields that a server gets: names and values in turn. */
  headers: string[] = []
  /** Path and query as servers get them, without the base path of the server's own URL. */
  target = ''
  /** The limit on the request's body, in bytes. */
  bodyLimit = Number.POSITIVE_INFINITY
  /** Servers that have failed to answer this request. */
  tried: Set<LiveServer> | undefined
  retries = 0
  /** How often the proxy closed other connections so that this request finds a file descriptor. */
  shortages = 0
  /** Bytes of the response's body that were written to the client. */
  bodyBytes = 0
  /** The header fields of the server's response as the client gets them: names and values in turn. */
  responseFields: readonly string[] | undefined
  /** Whether each further try uses a new connection. Set when an old connection was cut: other old ones may be dead too. */
  fresh = false
  /** When a failed request may not go to another connection, because its own is authenticated. `undefined` if it always may. */
  tie: 'once sent' | 'always' | undefined
  /** What failed, if the client got an error response of the proxy, or a response that breaks off. */
  error: ProxyError | undefined
  /** Whether the head of a server's response was written to the client, or a tunnel stands. */
  responded = false
  /** The server's socket of an upgraded connection. */
  tunnelled: Duplex | undefined
  /** The newest try. `undefined` before the first, and while the request waits for a free server. */
  newest: Try | undefined
  #idleWatch: IdleWatch | undefined
  /** The stream of the request's body to the server, if the body streams. */
  body: RequestBody | undefined
  /** A small request body that had come whole when the first server was picked. Each try sends all of it. */
  wholeBody: Buffer | undefined
  #settled = false

  constructor(
    req: IncomingMessage,
    res: ServerResponse,
    owner: ExchangeOwner<Exchange>,
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

  /** Ends the exchange if the client had left before. No event would tell of that later. @returns whether the client had left */
  leftBefore(): boolean {
    if (!this.req.socket.destroyed && !this.res.destroyed) return false
    this.#onResponseClosed()
    return true
  }

  /** Pins a snapshot: its servers stay connected until `unpin`. */
  pin(snapshot: Snapshot): void {
    snapshot.pin()
    this.snapshot = snapshot
    this.generation = snapshot.generation
  }

  /** Unpins the snapshot once no further server will be picked. A long download or tunnel must not keep a generation alive. */
  unpin(): void {
    this.snapshot?.unpin()
    this.snapshot = undefined
  }

  /** Counts the failure of the newest try against its server, if the server is to blame. */
  tryFailed(error: ProxyError): void {
    const { backend, server, newest } = this
    if (backend && server && newest && isServersFault(error, !newest.isOnStale))
      backend.failed(server, error, newest.startedAt)
  }

  /** Forgets the newest try while the request waits for a free server. That try has ended, and must not be watched. */
  hasNoTry(): void {
    this.newest = undefined
  }

  /** Ends the last try, and unpins the snapshot. @param error the error that the client gets */
  endTries(error: ProxyError): void {
    this.error = error
    this.unpin()
    this.newest?.over()
  }

  /** Whether a further try can still send the whole body: nothing of it was read, or all of it is kept. */
  get bodyUntouched(): boolean {
    return this.body === undefined || !this.req.readableDidRead
  }

  /** The stream of the request's body while part of the body is still to come. */
  get bodyToCome(): RequestBody | undefined {
    return this.body?.closed ? undefined : this.body
  }

  /** Stops watching request and response, because the host's own routes take them over. */
  abandon(): void {
    this.req.socket.off('close', this.#onResponseClosed)
    this.res.off('close', this.#onResponseClosed)
    this.res.off('error', this.#onResponseError)
  }

  /** Ends the exchange at once: breaks off the response, and aborts the try at the server. */
  cut(reason: ProxyError): void {
    this.error ??= reason
    this.tunnelled?.destroy()
    breakOff(this.res)
    // A response that waits behind others of its connection has no socket yet, so `breakOff` cannot close the connection.
    if (this.res.socket === null && !this.tunnelled) this.req.socket.destroy()
    this.upgrade?.socket.destroy()
    this.newest?.abort(reason)
  }

  /** Ends the exchange if it was idle, or has lasted, for longer than a limit. One timer calls this for all exchanges. */
  check(now: number, timeouts: Timeouts): void {
    this.#idleWatch ??= new IdleWatch()
    const error = this.#idleWatch.judge(this, now, timeouts)
    if (error) this.end(error)
  }

  /** Ends the exchange with an error response. If another response has begun to leave for the client, breaks that off. */
  end(reason: ProxyError): void {
    if (this.responded || this.error) {
      this.cut(reason)
      return
    }
    this.owner.retryOrRespond(this, reason)
    this.newest?.abort(reason)
  }

  /** Whether the client no longer takes a response: it has left, or the exchange has ended. */
  get clientLeft(): boolean {
    return this.res.destroyed || this.#settled
  }

  /** Makes the exchange a tunnel between two sockets. It then ends with them, and no longer with the response. */
  becameTunnel(server: Duplex, client: Duplex): void {
    this.responded = true
    this.tunnelled = server
    this.unpin()
    this.res.off('close', this.#onResponseClosed)
    this.res.detachSocket(client as Parameters<ServerResponse['detachSocket']>[0])
    this.res.statusCode = 101
  }

  // While a response waits behind others of its connection, it emits no 'close' when the connection closes. The socket does.
  #watchSocket(): void {
    this.req.socket.setMaxListeners(0)
    this.req.socket.on('close', this.#onResponseClosed)
  }

  // A response whose client has left may emit 'error' too. Without a listener the process would end. 'close' follows.
  readonly #onResponseError = (error: Error): void => {
    if (error instanceof ProxyError) this.error ??= error
  }

  readonly #onResponseClosed = (): void => {
    if (!this.res.writableFinished) {
      this.error ??= new ProxyError('PROXY_CLIENT_LEFT')
      this.newest?.abort(this.error)
    } else if (this.responded && !this.req.complete) {
      // The server responded before the upload had ended. The exchange stays in flight until the rest of it has come.
      if (afterUpload(this, this.owner.inFlight.lingering, () => this.settle())) return
    }
    this.settle()
  }

  /** Ends the exchange, and reports it to its owner. Further calls do nothing. */
  settle(): void {
    if (this.#settled) return
    this.#settled = true
    this.release?.()
    this.req.socket.off('close', this.#onResponseClosed)
    this.owner.settle(this)
  }
}
