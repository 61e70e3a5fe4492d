import { type Answer, askChain, discard, isPromise } from './chain.js'
import type { Exchange } from './exchange.js'
import { ChainRequest, type ChainStart } from './middleware-request.js'
import { toProxyError } from './upstream/failures.js'

/** What becomes of a request once its middlewares were asked. */
interface Next {
  /** The request goes on to a server. */
  route(request: ChainRequest): void
  /** A middleware answers the request. */
  answer(answer: Answer): void
}

/**
 * Takes a request through the middlewares of its frontend. It goes on in this turn of the event loop, unless one of them answers by
 * a promise. Then only this request waits. If its client leaves meanwhile, the answer is dropped.
 */
export function askMiddlewares(exchange: Exchange, start: ChainStart, next: Next): void {
  const { chain } = start.frontend
  const request = new ChainRequest(start)
  exchange.request = request
  const proceed = (answer: Answer | undefined) => {
    if (answer) next.answer(answer)
    else next.route(request)
  }
  const answer = chain && askChain(chain, request)
  if (!isPromise(answer)) return proceed(answer)
  exchange.awaits(answer)
  void answer.then((late) => {
    if (!exchange.isAwaiting(answer)) return discard(late)
    try {
      proceed(late)
    } catch (thrown) {
      next.answer(toProxyError(thrown))
    }
  })
}
