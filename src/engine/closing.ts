import type { Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { ProxyError } from '../model/errors.js'
import { hasBehind } from './client/pipelines.js'
import type { Exchange } from './exchange.js'
import type { InFlight } from './in-flight.js'

/**
 * Milliseconds for which an idle client connection stays open during a shutdown, if its client was not told that the connection
 * will close. The client may have sent a request just before, and an immediate close would lose it.
 */
export const QUIET_MS = 500

/** A socket on which Node serves HTTP, with the private fields that Node adds to it. */
type ServedSocket = Socket & {
  readonly _httpMessage?: ServerResponse | null
  readonly server?: Server
  /** Node's HTTP parser. It is missing once the socket has received an upgrade request, even if ordinary requests came before. */
  readonly parser?: unknown
}

/** The shutdown of an engine: closes its client connections and server connections step by step. */
export class Closing {
  readonly #inFlight: InFlight
  readonly #generations: { close(): void }
  readonly #upstreams: { destroy(): Promise<void> }
  #stage: 'leaving' | 'draining' | 'over' | undefined
  /** Idle client connections that are closed if no request arrives in time, each with its timer. */
  readonly #quiet = new Map<ServedSocket, NodeJS.Timeout>()
  readonly #onNoneQuiet: (() => void)[] = []

  constructor(inFlight: InFlight, generations: { close(): void }, upstreams: { destroy(): Promise<void> }) {
    this.#inFlight = inFlight
    this.#generations = generations
    this.#upstreams = upstreams
  }

  /** Whether the shutdown has begun. */
  get isUnderWay(): boolean {
    return this.#stage !== undefined
  }

  /**
   * Begins the shutdown. The proxy still serves requests, but closes each client connection after its response, so that the
   * client sends the next request to another machine.
   */
  leave(): void {
    this.#stage ??= 'leaving'
  }

  /**
   * Begins the second step of the shutdown. From now on the engine refuses new configurations. It also refuses requests that come
   * from an `http.Server` which still accepts new connections.
   */
  drain(): void {
    this.#stage ??= 'leaving'
    if (this.#stage === 'leaving') this.#stage = 'draining'
    this.#generations.close()
  }

  /**
   * Resolves when no request is in progress, and the idle connections have closed on which a client may have just sent a request.
   */
  async drained(): Promise<void> {
    await this.#inFlight.whenIdle()
    if (this.#quiet.size > 0) await new Promise<void>((resolve) => this.#onNoneQuiet.push(resolve))
    if (this.#inFlight.size > 0) await this.drained()
  }

  /** The last step of the shutdown: refuses all requests, aborts those still in progress, and closes every server connection. */
  async end(): Promise<void> {
    this.#stage = 'over'
    for (const socket of this.#quiet.keys()) {
      this.#forget(socket)
      if (!socket._httpMessage) socket.end()
    }
    this.#inFlight.endAll(new ProxyError('PROXY_CLOSED'))
    // Wait until aborted requests have been reported too, at most one second, so that event listeners hear of every request.
    await Promise.all([this.#upstreams.destroy(), this.#inFlight.idleWithin(1_000)])
  }

  /**
   * Accepts or refuses a request during a shutdown. If the `http.Server` no longer listens, the request is served: its connection
   * was accepted earlier, and its client was not told to leave. If the `http.Server` still listens, new requests would come
   * without end.
   *
   * @throws ProxyError `PROXY_CLOSED` for a request that is refused
   */
  join({ req }: Exchange): void {
    if (this.#stage === 'leaving') return
    const { server } = req.socket as ServedSocket
    const isFromBefore = server !== undefined && !server.listening
    if (this.#stage !== 'draining' || !isFromBefore) throw new ProxyError('PROXY_CLOSED')
  }

  /**
   * Returns whether the client connection must close after this response, because of the shutdown. If other requests of the
   * client wait behind this one, the connection stays open, because those requests would be lost.
   */
  endsWith({ req, res }: Exchange): boolean {
    if (this.#stage === undefined) return false
    return Boolean((req.socket as ServedSocket).parser) && !hasBehind(req.socket, res)
  }

  /** Makes Node close the client connection after this response, if `endsWith` returns true for it. */
  tell(exchange: Exchange): void {
    if (this.endsWith(exchange)) exchange.res.shouldKeepAlive = false
  }

  /**
   * Called after a response during a shutdown. If the client connection is still open, the client does not know that it will
   * close. So the connection stays open until no request has arrived for `QUIET_MS`.
   */
  settled({ req }: Exchange): void {
    const socket = req.socket as ServedSocket
    if (this.#stage !== 'draining' || socket.destroyed || socket.writableEnded) return
    if (this.#quiet.has(socket)) clearTimeout(this.#quiet.get(socket))
    else socket.once('close', () => this.#forget(socket))
    this.#watch(socket)
  }

  #watch(socket: ServedSocket): void {
    const { bytesRead } = socket
    const look = () => {
      if (!this.#quiet.has(socket)) return
      // The client has sent a part of a request's head. Wait the same time again for the rest.
      if (!socket._httpMessage && socket.bytesRead !== bytesRead) return this.#watch(socket)
      this.#forget(socket)
      // If another request is in progress on the connection, leave it open. When that request ends, `settled` starts a new wait.
      if (!socket._httpMessage) socket.end()
    }
    // After the timeout, `setImmediate` lets Node first read the bytes that have arrived. If the process was blocked for a while,
    // those bytes may contain a request.
    this.#quiet.set(
      socket,
      setTimeout(() => setImmediate(look), QUIET_MS),
    )
  }

  #forget(socket: ServedSocket): void {
    clearTimeout(this.#quiet.get(socket))
    this.#quiet.delete(socket)
    if (this.#quiet.size > 0) return
    for (const tell of this.#onNoneQuiet.splice(0)) tell()
  }
}
