import type { ProxyError } from '../model/errors.js'
import { RetryBudget } from './backends/retry-budget.js'
import type { RetryOptions } from './engine-options.js'
import type { Exchange } from './exchange.js'
import { isStaleConnection, mayRetry } from './upstream/failures.js'

/** Decides whether a request is sent again after a try has failed. */
export class Retries {
  readonly #attempts: number
  readonly #share: number

  constructor({ attempts = 3, budget = 0.2 }: RetryOptions = {}) {
    this.#attempts = attempts
    this.#share = budget
  }

  /** Creates the retry budget of one backend. It limits how much traffic retries may add. */
  newBudget(): RetryBudget {
    return new RetryBudget(this.#share)
  }

  /**
   * Decides whether the request is sent again, and returns the retry budget that paid for it. A retry is free in two cases:
   *
   * - No server can have received the request yet. So if one of two servers is dead, no client notices it.
   * - An existing connection broke before a byte of the response came. If fifty idle connections broke at once, their retries
   *   would use up the budget of a whole second. A request gets this only once, as its further tries use new connections (RFC
   *   9112, 9.3.1).
   *
   * @returns `undefined` if the request must not be sent again
   */
  allow(
    { routed, tries, bodyUntouched }: Pick<Exchange, 'routed' | 'tries' | 'bodyUntouched'>,
    error: ProxyError,
  ): RetryBudget | 'free' | undefined {
    const { newest, server, retries, tie } = tries
    if (!routed?.backend || !server || retries >= this.#attempts - 1) return undefined
    const sent = newest?.sent ?? false
    if (tie === 'always' || (tie && sent)) return undefined
    const isGet = routed.isRedispatched === true
    if (!mayRetry(error, isGet ? 'GET' : routed.facts.method, isGet || bodyUntouched, sent)) return undefined
    if (!sent || isStaleConnection(error, !newest?.isOnStale)) return 'free'
    const { retryBudget } = routed.backend
    return retryBudget.spend() ? retryBudget : undefined
  }
}
