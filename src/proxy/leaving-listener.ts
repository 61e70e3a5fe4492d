import { settledWithin } from '../base/timing.js'
import { Http1Connection } from '../engine/client/http1/http1-connection.js'
import type { DataPlane } from '../engine/data-plane.js'
import type { Listener } from '../entry-points/listener.js'
import { ProxyError } from '../model/errors.js'
import { StepLimit } from './step-limit.js'

/** Milliseconds in which clients read the 503 of a request that was ended at its limit. */
const LAST_WORD_MS = 1_000

/** A listener that no longer accepts, while the proxy goes on. Its requests in progress may end until a limit is reached. */
export class LeavingListener {
  /** The name of the entry point that the listener served. */
  readonly entryPoint: string | undefined
  /** Resolves when the listener has stopped accepting, so that its address is free again. */
  readonly stopped: Promise<void>
  /** Resolves when the last connection has closed. */
  readonly done: Promise<void>
  readonly #listener: Listener
  readonly #inFlight: DataPlane['inFlight']
  readonly #limit = new StepLimit()

  /**
   * Lets a listener stop accepting.
   *
   * @param drainMs milliseconds after which the requests in progress are ended
   */
  constructor(
    listener: Listener,
    entryPoint: string | undefined,
    inFlight: DataPlane['inFlight'],
    drainMs: number,
  ) {
    this.#listener = listener
    this.entryPoint = entryPoint
    this.#inFlight = inFlight
    this.#limit.shorten(drainMs)
    const { stopped, left } = listener.leave()
    this.stopped = stopped
    this.done = this.#end(left)
  }

  /** Shortens the limit: the requests in progress are ended `drainMs` milliseconds from now or earlier. */
  shorten(drainMs: number): void {
    this.#limit.shorten(drainMs)
  }

  async #end(left: Promise<void>): Promise<void> {
    await this.stopped
    await this.#limit.pass(left)
    const { sockets } = this.#listener
    if (sockets.size > 0) {
      const connections = new Set<object>([...sockets].map((socket) => Http1Connection.of(socket)))
      for (const exchange of [...this.#inFlight.exchanges])
        if (connections.has(exchange.client.connection)) exchange.end(new ProxyError('PROXY_CLOSED'))
      await settledWithin(left, LAST_WORD_MS, false)
    }
    this.#listener.cut()
    await left
  }
}
