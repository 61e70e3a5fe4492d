import type { ProxyError } from '../model/errors.js'
import type { RetryOptions } from './engine-options.js'
import type { Exchange } from './exchange.js'
import { mayRetry } from './failures.js'
import { RetryBudget } from './retry-budget.js'

/** Decides whether a failed try is made again. */
export class Retries {
  readonly #attempts: number
  readonly #share: number

  constructor({ attempts = 3, budget = 0.2 }: RetryOptions = {}) {
    this.#attempts = attempts
    this.#share = budget
  }

  /** The budget of one backend. */
  newBudget(): RetryBudget {
    return new RetryBudget(this.#share)
  }

  /**
   * Whether the exchange may have another try after this error, and what that spends: nothing if no server can have had the
   * request yet, for then it adds nothing to the traffic. Of two servers one that is dead costs no client anything.
   */
  allow(
    { facts, server, backend, retries, newest, bodyUntouched, tie }: Exchange,
    error: ProxyError,
  ): RetryBudget | 'free' | undefined {
    if (!facts || !server || !backend || retries >= this.#attempts - 1) return undefined
    const sent = newest?.sent ?? false
    if (tie === 'always' || (tie && sent)) return undefined
    if (!mayRetry(error, facts.method, bodyUntouched, sent)) return undefined
    if (!sent) return 'free'
    return backend.retryBudget.spend() ? backend.retryBudget : undefined
  }
}
