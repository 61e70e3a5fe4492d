import type { Duplex, Readable } from 'node:stream'
import { ProxyError } from '../model/errors.js'
import type { Timeouts } from '../model/limits.js'
import type { CompiledFrontend } from '../routing/compile-frontend.js'
import type { LiveBackend } from './backends/live-backend.js'
import type { LiveServer } from './backends/live-server.js'
import type { ClientSide, ClientWatcher } from './client/client-side.js'
import type { RequestBody } from './client/request-body.js'
import type { ExchangeOwner } from './exchange-owner.js'
import { IdleWatch, type Moving } from './idle-watch.js'
import type { ChainRequest } from './middleware-request.js'
import { nextPhase, type Phase } from './phase.js'
import type { LiveFacts } from './read-facts.js'
import type { Routed } from './routed.js'
import type { Snapshot } from './snapshot.js'
import { Tries } from './tries.js'
import type { Try } from './try.js'

/** One request of a client and its response. Holds the state that the steps of the request pipeline share. */
export class Exchange implements ClientWatcher, Moving {
  readonly client: ClientSide
  readonly entryPoint: string | undefined
  readonly startedAt = performance.now()
  readonly owner: ExchangeOwner<Exchange>
  tries = new Tries()

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
  /** The frontend that matches the request. */
  frontend: CompiledFrontend | undefined
  /** The request as middlewares know it. `undefined` if neither its entry point nor its frontend has any. */
  request: ChainRequest | undefined
  /** What is fixed once the request is routed. `undefined` before, and if the proxy itself answers. */
  routed: Routed | undefined
  /** Number of bytes of the response's body that were written to the client so far. */
  bodyBytes = 0
  /** The header fields of the server's response, as the client gets them: names and values alternate. */
  responseFields: readonly string[] | undefined
  /** The error that ended the request. Set if the client got an error response of the proxy or an incomplete response. */
  error: ProxyError | undefined
  /** The socket to the server, if the connection has become a tunnel. */
  tunnelled: Duplex | undefined
  /** The stream that sends the request's body to the server. `undefined` if there is no body or `wholeBody` has all of it. */
  body: RequestBody | undefined
  /** A small request body that had arrived completely when the first server was picked. Each try sends it again. */
  wholeBody: Buffer | undefined
  /** The streams that the response's body is read from, if middlewares have made them. */
  sources: readonly Readable[] | undefined
  #idleWatch: IdleWatch | undefined
  #phase: Phase = 'routing'

  constructor(client: ClientSide, owner: ExchangeOwner<Exchange>, entryPoint?: string) {
    this.client = client
    this.owner = owner
    this.entryPoint = entryPoint
    client.watch(this)
  }

  /** If the client has already disconnected, ends the exchange, because no later event will report that. @returns whether it had */
  leftBefore(): boolean {
    if (!this.client.isGone && this.client.connection.isOpen) return false
    this.clientClosed()
    return true
  }

  get backend(): LiveBackend | undefined {
    return this.routed?.backend
  }

  get server(): LiveServer | undefined {
    return this.tries.server
  }

  get newest(): Try | undefined {
    return this.tries.newest
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
    this.tries.newest = newest
    this.enter('trying')
  }

  /** Forgets the newest try while the request waits for a free server. That try has ended, so no timeout may apply to it. */
  waits(): void {
    this.tries.newest = undefined
    this.enter('waiting')
  }

  /** Whether a middleware looks at the request or the response, and has not answered yet. */
  get isInMiddleware(): boolean {
    return this.#phase === 'in a middleware'
  }

  /** A middleware answers by a promise. Only this request waits for it. */
  awaits(answer: Promise<unknown>): void {
    this.request?.awaits(answer)
    if (!this.isInMiddleware) this.enter('in a middleware')
  }

  /** Whether the request still waits for this answer of a middleware. */
  isAwaiting(answer: Promise<unknown>): boolean {
    return this.isInMiddleware && this.request?.awaited === answer && !this.client.isGone
  }

  /** The client gets this error. Stops using the snapshot. */
  fails(error: ProxyError): void {
    this.error = error
    this.unpin()
  }

  /** Whether the next try can still send the whole body: none of it was read yet, or all of it is kept in memory. */
  get bodyUntouched(): boolean {
    return this.body === undefined || !this.client.body.readableDidRead
  }

  /** The stream that sends the request's body to the server, while more of the body may come. `undefined` after that. */
  get bodyToCome(): RequestBody | undefined {
    return this.body?.closed ? undefined : this.body
  }

  /** Stops watching the client, because the application itself will answer the request. */
  abandon(): void {
    this.client.unwatch()
    this.#ends()
  }

  /** Ends the exchange at once: closes the client's connection, even within the response, and aborts the try. */
  cut(reason: ProxyError): void {
    this.error ??= reason
    this.#dropSource(reason)
    this.tunnelled?.destroy()
    this.client.cut()
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
    const { newest, isInMiddleware } = this
    // At the end of the proxy, there is no time for middlewares.
    if (reason.code === 'PROXY_CLOSED') this.request?.settles()
    if (!isInMiddleware) newest?.blame(reason)
    newest?.drop()
    this.owner.retryOrRespond(this, reason)
    newest?.abort(reason)
  }

  /** Whether the client can no longer get a response, because it has disconnected or the exchange has ended. */
  get clientLeft(): boolean {
    return this.client.isGone || this.#phase === 'over'
  }

  /** Whether the request waits in a queue for a server, and its client for a response. */
  get isWaiting(): boolean {
    return this.#phase === 'waiting' && !this.client.isGone
  }

  /** Marks the exchange as a tunnel to this server. From now on it ends when the tunnel ends. */
  becameTunnel(server: Duplex): void {
    this.enter('tunnelling')
    this.tunnelled = server
    this.unpin()
  }

  /** An error of the response may come after the client has disconnected. */
  clientFailed(error: Error): void {
    if (error instanceof ProxyError) this.error ??= error
  }

  clientClosed(): void {
    if (!this.client.isSent) {
      this.error ??= new ProxyError('PROXY_CLIENT_LEFT')
      this.#dropSource(this.error)
      this.newest?.abort(this.error)
    } else if (this.#phase === 'responding' && !this.error) {
      // If the response has ended before the client has sent its whole body, the exchange stays in flight until the rest has come.
      if (this.client.afterUpload(this.bodyToCome, () => this.settle())) return
    }
    this.settle()
  }

  #dropSource(reason: ProxyError): void {
    this.request?.end(reason)
    for (const source of this.sources ?? []) source.destroy()
  }

  /** Ends the exchange and tells its owner, the request pipeline. Further calls do nothing. */
  settle(): void {
    if (this.#phase === 'over') return
    this.error ??= this.routed?.replaced
    this.#ends()
    this.owner.settle(this)
  }

  /** Ends the exchange: nothing follows. */
  #ends(): void {
    this.enter('over')
    this.release?.()
    if (this.error) this.#dropSource(this.error)
    else this.request?.settles()
  }
}
