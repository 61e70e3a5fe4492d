import type { Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { ProxyError } from '../model/errors.js'
import { hasBehind } from './client/pipelines.js'
import type { Exchange } from './exchange.js'
import type { InFlight } from './in-flight.js'

/**
 * Milliseconds for which a client connection stays open without a request, if its client was not told that it
 * ends. A request may already be on its way when the proxy decides to close. An immediate close would lose it.
 */
export const QUIET_MS = 500

/** A socket that node:http serves, with the fields that Node adds to it. */
type ServedSocket = Socket & {
  readonly _httpMessage?: ServerResponse | null
  readonly server?: Server
  /** Absent once an upgrade request has come, even after other requests. */
  readonly parser?: unknown
}

/** Closes an engine and its client connections, step by step. */
export class Closing {
  readonly #inFlight: InFlight
  readonly #generations: { close(): void }
  readonly #upstreams: { destroy(): Promise<void> }
  #stage: 'leaving' | 'draining' | 'over' | undefined
  /** Connections that end if no request comes on them, each with its timer. */
  readonly #quiet = new Map<ServedSocket, NodeJS.Timeout>()
  readonly #onNoneQuiet: (() => void)[] = []

  constructor(inFlight: InFlight, generations: { close(): void }, upstreams: { destroy(): Promise<void> }) {
    this.#inFlight = inFlight
    this.#generations = generations
    this.#upstreams = upstreams
  }

  /** Whether the close has begun. */
  get isUnderWay(): boolean {
    return this.#stage !== undefined
  }

  /**
   * Begins the close. Requests are served as before, but each response
   * ends its connection, so that the client makes its next one elsewhere.
   */
  leave(): void {
    this.#stage ??= 'leaving'
  }

  /** Refuses new configurations, and requests from a server that still accepts connections. */
  drain(): void {
    this.#stage ??= 'leaving'
    if (this.#stage === 'leaving') this.#stage = 'draining'
    this.#generations.close()
  }

  /** Resolves when no request is under way, and no connection is open on which one may be on its way. */
  async drained(): Promise<void> {
    await this.#inFlight.whenIdle()
    if (this.#quiet.size > 0) await new Promise<void>((resolve) => this.#onNoneQuiet.push(resolve))
    if (this.#inFlight.size > 0) await this.drained()
  }

  /** Refuses every request. Cuts the requests that are left, and every connection to a server. */
  async end(): Promise<void> {
    this.#stage = 'over'
    for (const socket of this.#quiet.keys()) {
      this.#forget(socket)
      if (!socket._httpMessage) socket.end()
    }
    this.#inFlight.endAll(new ProxyError('PROXY_CLOSED'))
    // Listeners that hear of each request must hear of the cut ones too, before the close ends.
    await Promise.all([this.#upstreams.destroy(), this.#inFlight.idleWithin(1_000)])
  }

  /**
   * Lets a request through if its connection is from before the drain. Such a connection was accepted, and its
   * client was not told to leave. A server of the host that still listens would bring new requests without end.
   *
   * @throws ProxyError `PROXY_CLOSED` for every other request
   */
  join({ req }: Exchange): void {
    if (this.#stage === 'leaving') return
    const { server } = req.socket as ServedSocket
    const isFromBefore = server !== undefined && !server.listening
    if (this.#stage !== 'draining' || !isFromBefore) throw new ProxyError('PROXY_CLOSED')
  }

  /**
   * Returns whether a response ends its connection. It does not while
   * other requests are behind it, because each of them would be lost.
   */
  endsWith({ req, res }: Exchange): boolean {
    if (this.#stage === undefined) return false
    return Boolean((req.socket as ServedSocket).parser) && !hasBehind(req.socket, res)
  }

  /** Makes node:http end the connection with this response, where `endsWith` says so. */
  tell(exchange: Exchange): void {
    if (this.endsWith(exchange)) exchange.res.shouldKeepAlive = false
  }

  /**
   * Watches a client connection after a response. If the response's head left before
   * the drain, the client was not told to leave, and the connection is still open.
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
      // The client has sent a part of a request's head. The rest gets the same time again.
      if (!socket._httpMessage && socket.bytesRead !== bytesRead) return this.#watch(socket)
      this.#forget(socket)
      // If another request is under way, its end begins a new watch.
      if (!socket._httpMessage) socket.end()
    }
    // `setImmediate` runs after bytes that have arrived were read. If
    // the process stood still for long, a request may be among them.
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
