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
import type { PendingUpgrade } from './pending-upgrade.js'
import { nextPhase, type Phase } from './phase.js'
import type { LiveFacts } from './read-facts.js'
import type { Snapshot } from './snapshot.js'
import type { Try } from './try.js'

/** One request of a client and its response. Holds the state that the steps of the request pipeline share. */
export class Exchange implements Moving {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly upgrade: PendingUpgrade | undefined
  readonly startedAt = performance.now()
  readonly owner: ExchangeOwner<Exchange>
  readonly entryPoint: string | undefined

  /** Frees the request's slot in the connection limit `maxConn` of its backend. Called once, when the exchange ends. */
  release: (() => void) | undefined
  /** The position in the list of exchanges in flight. `undefined` while the exchange is not in that list. */
  index: number | undefined
  /** The snapshot that this request keeps alive. `undefined` before routing, and once no further server will be picked. */
  snapshot: Snapshot | undefined
  /** The number of the configuration that this request uses. It is 0 until a configuration is pinned. */
  generation = 0
  /** The client address. If the client has no address, the address of the peer that connected to the proxy. */
  clientAddress = ''
  facts: LiveFacts | undefined
  frontend: CompiledFrontend | undefined
  backend: LiveBackend | undefined
  server: LiveServer | undefined
  /** The header fields that the server will get: names and values alternate. */
  headers: string[] = []
  /** Path and query of the forwarded request. The path of the server's URL is not included. */
  target = ''
  /** Maximum size of the request's body in bytes. */
  bodyLimit = Number.POSITIVE_INFINITY
  /** The servers that failed on earlier attempts of this request. A retry prefers other servers. */
  tried: Set<LiveServer> | undefined
  retries = 0
  /** How many times the proxy has closed other connections to free a file descriptor for this request. */
  shortages = 0
  /** Number of bytes of the response's body that were written to the client so far. */
  bodyBytes = 0
  /** The header fields of the server's response, as the client gets them: names and values alternate. */
  responseFields: readonly string[] | undefined
  /** If true, further attempts open new connections. Set when an existing one broke, because other idle ones may be dead too. */
  fresh = false
  /**
   * Set if the client logs in on the server connection (by NTLM, for example). A retry on another connection is then forbidden,
   * either once the request was sent or always.
   */
  tie: 'once sent' | 'always' | undefined
  /** The error that ended the request. Set if the client got an error response of the proxy or an incomplete response. */
  error: ProxyError | undefined
  /** The socket to the server, if the connection has become a tunnel. */
  tunnelled: Duplex | undefined
  /** The newest attempt to get a response. `undefined` before the first one, and while the request waits for a free server. */
  newest: Try | undefined
  #idleWatch: IdleWatch | undefined
  /** The stream that sends the request's body to the server. `undefined` if there is no body or `wholeBody` has all of it. */
  body: RequestBody | undefined
  /** A small request body that had arrived completely when the first server was picked. Each attempt sends it again. */
  wholeBody: Buffer | undefined
  #phase: Phase = 'routing'

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

  /**
   * If the client has already disconnected, ends the exchange, because no later event will report that.
   *
   * @returns whether the client had disconnected
   */
  leftBefore(): boolean {
    if (!this.req.socket.destroyed && !this.res.destroyed) return false
    this.#onResponseClosed()
    return true
  }

  /** Makes the request use a snapshot. The connections to the servers of the snapshot stay open until `unpin` is called. */
  pin(snapshot: Snapshot): void {
    snapshot.pin()
    this.snapshot = snapshot
    this.generation = snapshot.generation
  }

  /** Stops using the snapshot, because no further server will be picked. A long download must not keep an old snapshot alive. */
  unpin(): void {
    this.snapshot?.unpin()
    this.snapshot = undefined
  }

  /** Whether the head of the response was written to the client, or the connection has become a tunnel. */
  get responded(): boolean {
    return this.#phase === 'responding' || this.#phase === 'tunnelling'
  }

  /** Takes the next step of `NEXT_PHASES`. Nothing follows the end, so that an exchange is settled once. */
  enter(phase: Phase): void {
    const next = nextPhase(this.#phase, phase)
    if (this.#phase !== 'over') this.#phase = next
  }

  /** A request was given to a server. */
  begins(newest: Try): void {
    this.newest = newest
    this.enter('trying')
  }

  /**
   * Forgets the newest attempt while the request waits for a free server. That attempt has ended, so no timeout may apply to it.
   */
  waits(): void {
    this.newest = undefined
    this.enter('waiting')
  }

  /** Ends the last attempt, and stops using the snapshot. @param error the error that the client gets */
  endTries(error: ProxyError): void {
    this.error = error
    this.unpin()
    this.newest?.over()
  }

  /** Whether the next attempt can still send the whole body: none of it was read yet, or all of it is kept in memory. */
  get bodyUntouched(): boolean {
    return this.body === undefined || !this.req.readableDidRead
  }

  /** The stream that sends the request's body to the server, while more of the body may come. `undefined` after that. */
  get bodyToCome(): RequestBody | undefined {
    return this.body?.closed ? undefined : this.body
  }

  /** Stops listening to events of the request and response, because the application itself will answer the request. */
  abandon(): void {
    this.enter('over')
    this.req.socket.off('close', this.#onResponseClosed)
    this.res.off('close', this.#onResponseClosed)
    this.res.off('error', this.#onResponseError)
  }

  /** Ends the exchange at once: closes the client's connection, even within the response, and aborts the attempt. */
  cut(reason: ProxyError): void {
    this.error ??= reason
    this.tunnelled?.destroy()
    breakOff(this.res)
    // A pipelined response that waits for earlier ones has no socket yet, so `breakOff` closes nothing. Close the connection.
    if (this.res.socket === null && !this.tunnelled) this.req.socket.destroy()
    this.upgrade?.socket.destroy()
    this.newest?.abort(reason)
  }

  /** Ends the exchange if it has exceeded an idle timeout or its total time limit. One timer calls this for all exchanges. */
  check(now: number, timeouts: Timeouts): void {
    this.#idleWatch ??= new IdleWatch()
    const error = this.#idleWatch.judge(this, now, timeouts)
    if (error) this.end(error)
  }

  /** Ends the exchange with an error response. If a response has already begun, closes the client's connection instead. */
  end(reason: ProxyError): void {
    if (this.responded || this.error) {
      this.cut(reason)
      return
    }
    this.newest?.blame(reason)
    this.owner.retryOrRespond(this, reason)
    this.newest?.abort(reason)
  }

  /** Whether the client can no longer get a response, because it has disconnected or the exchange has ended. */
  get clientLeft(): boolean {
    return this.res.destroyed || this.#phase === 'over'
  }

  /** Whether the request waits in a queue for a server, and its client for a response. */
  get isWaiting(): boolean {
    return this.#phase === 'waiting' && !this.res.destroyed
  }

  /** Marks the exchange as a tunnel between two sockets. From now on it ends when the tunnel ends. */
  becameTunnel(server: Duplex, client: Duplex): void {
    this.enter('tunnelling')
    this.tunnelled = server
    this.unpin()
    this.res.off('close', this.#onResponseClosed)
    this.res.detachSocket(client as Parameters<ServerResponse['detachSocket']>[0])
    this.res.statusCode = 101
  }

  // Listens for 'close' on the socket. A pipelined response that waits for earlier ones does not emit 'close' itself.
  #watchSocket(): void {
    this.req.socket.setMaxListeners(0)
    this.req.socket.on('close', this.#onResponseClosed)
  }

  // Handles 'error' of the response, which may come after the client has disconnected. Without a listener, the process would end.
  readonly #onResponseError = (error: Error): void => {
    if (error instanceof ProxyError) this.error ??= error
  }

  readonly #onResponseClosed = (): void => {
    if (!this.res.writableFinished) {
      this.error ??= new ProxyError('PROXY_CLIENT_LEFT')
      this.newest?.abort(this.error)
    } else if (this.#phase === 'responding' && !this.error && !this.req.complete) {
      // The response has ended before the client has sent its whole body. The exchange stays in flight until the rest has come.
      if (afterUpload(this, this.owner.inFlight.lingering, () => this.settle())) return
    }
    this.settle()
  }

  /** Ends the exchange and tells its owner, the request pipeline. Further calls do nothing. */
  settle(): void {
    if (this.#phase === 'over') return
    this.enter('over')
    this.release?.()
    this.req.socket.off('close', this.#onResponseClosed)
    this.owner.settle(this)
  }
}
