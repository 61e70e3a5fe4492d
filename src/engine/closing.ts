import type { Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { ProxyError } from '../model/errors.js'
import { hasBehind } from './client/pipelines.js'
import type { Exchange } from './exchange.js'
import type { InFlight } from './in-flight.js'

/**
 * How long a client connection that was not told of its end stays open without a request, in milliseconds. A request may be on
 * its way already when the proxy decides to close. Closed at once, the connection would lose it.
 */
export const QUIET_MS = 500

/** What node:http adds to a socket that it serves. */
type ServedSocket = Socket & {
  readonly _httpMessage?: ServerResponse | null
  readonly server?: Server
  /** None once an upgrade request has come, be it behind others. */
  readonly parser?: unknown
}

/** The end of an engine, and of its client connections. */
export class Closing {
  readonly #inFlight: InFlight
  readonly #generations: { close(): void }
  readonly #upstreams: { destroy(): Promise<void> }
  #stage: 'leaving' | 'draining' | 'over' | undefined
  /** Connections that end if nothing comes on them any more. */
  readonly #quiet = new Map<ServedSocket, NodeJS.Timeout>()
  readonly #onNoneQuiet: (() => void)[] = []

  constructor(inFlight: InFlight, generations: { close(): void }, upstreams: { destroy(): Promise<void> }) {
    this.#inFlight = inFlight
    this.#generations = generations
    this.#upstreams = upstreams
  }

  /** Whether it has begun. */
  get isUnderWay(): boolean {
    return this.#stage !== undefined
  }

  /** Requests are served as before, but each response ends its connection: the client makes its next one elsewhere. */
  leave(): void {
    this.#stage ??= 'leaving'
  }

  /** Refuses new configurations, and what comes to a server that still accepts connections. */
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

  /** Refuses everything. Cuts what is left, and every connection to a server. */
  async end(): Promise<void> {
    this.#stage = 'over'
    for (const socket of this.#quiet.keys()) {
      this.#forget(socket)
      if (!socket._httpMessage) socket.end()
    }
    this.#inFlight.endAll(new ProxyError('PROXY_CLOSED'))
    // Whoever is told of each request is told of these too before all is over.
    await Promise.all([this.#upstreams.destroy(), this.#inFlight.idleWithin(1_000)])
  }

  /**
   * Lets requests through that came on a connection from before the drain. Such a connection was accepted, and its client was not
   * told to leave. A server of the host's that still listens would bring new ones without end.
   *
   * @throws ProxyError `PROXY_CLOSED`
   */
  join({ req }: Exchange): void {
    if (this.#stage === 'leaving') return
    const { server } = req.socket as ServedSocket
    const isFromBefore = server !== undefined && !server.listening
    if (this.#stage !== 'draining' || !isFromBefore) throw new ProxyError('PROXY_CLOSED')
  }

  /** Whether a response ends its connection. Not while others are behind it: each of them would be lost. */
  endsWith({ req, res }: Exchange): boolean {
    if (this.#stage === undefined) return false
    return Boolean((req.socket as ServedSocket).parser) && !hasBehind(req.socket, res)
  }

  /** Ends the connection with a response that node:http writes, where `endsWith` says so. */
  tell(exchange: Exchange): void {
    if (this.endsWith(exchange)) exchange.res.shouldKeepAlive = false
  }

  /** A response has left. Where its head had left before, the client was not told, and the connection is still open. */
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
      // Part of a head has come: the rest of it has its time.
      if (!socket._httpMessage && socket.bytesRead !== bytesRead) return this.#watch(socket)
      this.#forget(socket)
      // Another request is under way. What comes after it is looked at then.
      if (!socket._httpMessage) socket.end()
    }
    // After what has arrived was read: where the process stood still for long, a request lies there unread.
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
