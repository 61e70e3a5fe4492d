import type { ProxyError } from '../model/errors.js'
import { RetryBudget } from './backends/retry-budget.js'
import type { RetryOptions } from './engine-options.js'
import type { Exchange } from './exchange.js'
import { isStaleConnection, mayRetry } from './upstream/failures.js'

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
   * Whether the exchange may have another try after this error, and what that spends. It spends nothing in two cases. No server can
   * have had the request yet: a dead server of two costs no client anything. Or the connection stood before and died without a byte
   * of a response: fifty idle ones that die at once would else take the budget of a second. That is free once for a request, as its
   * further tries have new connections (RFC 9112, 9.3.1).
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
