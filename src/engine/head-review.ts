import { asError } from '../model/errors.js'
import type { MiddlewareResponse } from '../model/middleware.js'
import { discard, isPromise, type Replacement, reviewResponse } from './chain.js'
import type { Exchange } from './exchange.js'
import type { ChainRequest } from './middleware-request.js'
import type { ResponseController } from './upstream/server-connection.js'

/** Shows the head of a server's response to middlewares. What the server sends meanwhile is kept until they have decided. */
export class HeadReview {
  #kept: (() => void)[] | undefined

  /** Whether a middleware still looks at the head. */
  get isWaiting(): boolean {
    return this.#kept !== undefined
  }

  /** Keeps what the server has sent, while a middleware still looks at the head. */
  keep(event: () => void): void {
    this.#kept?.push(event)
  }

  /** Forgets what was kept. The decision of the middleware counts no longer. */
  drop(): void {
    this.#kept = undefined
  }

  /**
   * Begins.
   *
   * @param decide called once with what becomes of the response; undefined if it is sent
   * @param failed called if `decide` throws in a later turn of the event loop
   */
  begin(
    exchange: Exchange,
    request: ChainRequest,
    response: MiddlewareResponse,
    controller: ResponseController,
    decide: (replacement: Replacement | undefined) => void,
    failed: (error: Error) => void,
  ): void {
    const decided = reviewResponse(response, request)
    if (!isPromise(decided)) return decide(decided)
    controller.pause()
    this.#kept = []
    exchange.awaits(decided)
    void decided.then((replacement) => {
      const kept = this.#kept
      this.#kept = undefined
      if (!kept || !exchange.isAwaiting(decided)) return discard(replacement)
      try {
        decide(replacement)
      } catch (thrown) {
        return failed(asError(thrown))
      }
      for (const event of kept) event()
      controller.resume()
    })
  }
}
