import { type Answer, askChain, discard, isPromise } from './chain.js'
import type { Exchange } from './exchange.js'
import type { ChainRequest } from './middleware-request.js'
import { toProxyError } from './upstream/failures.js'

/** What becomes of a request once its middlewares were asked. */
interface Next {
  /** The request goes on. */
  goOn(): void
  /** A middleware answers the request. */
  answer(answer: Answer): void
}

/**
 * Takes a request through the middlewares that it has met. It goes on in this turn of the event loop, unless one of them answers by
 * a promise. Then only this request waits. If its client leaves meanwhile, the answer is dropped.
 */
export function askMiddlewares(exchange: Exchange, request: ChainRequest, next: Next): void {
  const proceed = (answer: Answer | undefined) => {
    if (answer) next.answer(answer)
    else next.goOn()
  }
  const answer = askChain(request)
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
