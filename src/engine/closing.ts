import { ProxyError } from '../model/errors.js'
import type { ClientConnection } from './client/client-side.js'
import type { Exchange } from './exchange.js'
import type { InFlight } from './in-flight.js'

/**
 * Milliseconds for which an idle client connection stays open during a shutdown, if its client was not told that the connection
 * will close. The client may have sent a request just before, and an immediate close would lose it.
 */
export const QUIET_MS = 500

/** The shutdown of an engine: closes its client connections and server connections step by step. */
export class Closing {
  readonly #inFlight: InFlight
  readonly #generations: { close(): void }
  readonly #upstreams: { destroy(): Promise<void> }
  #stage: 'leaving' | 'draining' | 'over' | undefined
  /** Idle client connections that are closed if no request arrives in time, each with its timer. */
  readonly #quiet = new Map<ClientConnection, NodeJS.Timeout>()
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
    for (const connection of this.#quiet.keys()) {
      this.#forget(connection)
      if (!connection.isBusy) connection.end()
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
  join({ client }: Exchange): void {
    if (this.#stage === 'leaving') return
    if (this.#stage !== 'draining' || !client.connection.isOfClosedListener)
      throw new ProxyError('PROXY_CLOSED')
  }

  /**
   * Returns whether the client connection must close after this response, because of the shutdown. If other requests of the
   * client wait behind this one, the connection stays open, because those requests would be lost.
   */
  endsWith({ client }: Exchange): boolean {
    return this.#stage !== undefined && client.isLast
  }

  /**
   * Called after a response during a shutdown. If the client connection is still open, the client does not know that it will
   * close. So the connection stays open until no request has arrived for `QUIET_MS`.
   */
  settled({ client: { connection } }: Exchange): void {
    if (this.#stage !== 'draining' || !connection.isOpen || connection.isEnding) return
    if (this.#quiet.has(connection)) clearTimeout(this.#quiet.get(connection))
    else connection.onClose(() => this.#forget(connection))
    this.#watch(connection)
  }

  #watch(connection: ClientConnection): void {
    const { bytesRead } = connection
    const look = () => {
      if (!this.#quiet.has(connection)) return
      // The client has sent a part of a request's head. Wait the same time again for the rest.
      if (!connection.isBusy && connection.bytesRead !== bytesRead) return this.#watch(connection)
      this.#forget(connection)
      // If another request is in progress on the connection, leave it open. When that request ends, `settled` starts a new wait.
      if (!connection.isBusy) connection.end()
    }
    // After the timeout, `setImmediate` lets Node first read the bytes that have arrived. If the process was blocked for a while,
    // those bytes may contain a request.
    this.#quiet.set(
      connection,
      setTimeout(() => setImmediate(look), QUIET_MS),
    )
  }

  #forget(connection: ClientConnection): void {
    clearTimeout(this.#quiet.get(connection))
    this.#quiet.delete(connection)
    if (this.#quiet.size > 0) return
    for (const tell of this.#onNoneQuiet.splice(0)) tell()
  }
}
