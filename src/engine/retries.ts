import type { ProxyError } from '../model/errors.js'
import { RetryBudget } from './backends/retry-budget.js'
import type { RetryOptions } from './engine-options.js'
import type { Exchange } from './exchange.js'
import { isStaleConnection, mayRetry } from './upstream/failures.js'

/** Decides whether a request goes to a server again after a failed try. */
export class Retries {
  readonly #attempts: number
  readonly #share: number

  constructor({ attempts = 3, budget = 0.2 }: RetryOptions = {}) {
    this.#attempts = attempts
    this.#share = budget
  }

  /** Makes the retry budget of one backend. */
  newBudget(): RetryBudget {
    return new RetryBudget(this.#share)
  }

  /**
   * Decides whether the request gets another try, and returns the budget that this takes from. A try is free in two cases:
   *
   * - No server can have had the request yet. So one dead server of two costs no client anything.
   * - The connection stood before, and died without a byte of a response. Fifty idle connections that die at once would otherwise
   *   take the budget of a second. Further tries of the request use new connections, so this is free once (RFC 9112, 9.3.1).
   *
   * @returns `undefined` if there is no further try
   */
  allow(
    { facts, server, backend, retries, newest, bodyUntouched, tie }: Exchange,
    error: ProxyError,
  ): RetryBudget | 'free' | undefined {
    if (!facts || !server || !backend || retries >= this.#attempts - 1) return undefined
    const sent = newest?.sent ?? false
    if (tie === 'always' || (tie && sent)) return undefined
    if (!mayRetry(error, facts.method, bodyUntouched, sent)) return undefined
    if (!sent || isStaleConnection(error, !newest?.isOnStale)) return 'free'
    return backend.retryBudget.spend() ? backend.retryBudget : undefined
  }
}
