import type { ProxyError } from '../model/errors.js'
import type { RetryOptions } from './engine-options.js'
import type { Exchange } from './exchange.js'
import { mayRetry } from './failures.js'

/** Retries that are allowed whatever the traffic, so that a quiet proxy may retry at all. */
const RESERVE_PER_SECOND = 10
/** Of what was saved up, no more than so many may come at once. */
const MAX_SAVED = 10 * RESERVE_PER_SECOND

/** Decides whether a failed try is made again, and keeps account of how much that adds to the traffic. */
export class Retries {
  readonly #attempts: number
  readonly #share: number
  #saved = RESERVE_PER_SECOND
  #filledAt = performance.now()

  constructor({ attempts = 3, budget = 0.2 }: RetryOptions = {}) {
    this.#attempts = attempts
    this.#share = budget
  }

  /** A request came: its share of a retry is saved. */
  save(): void {
    if (this.#saved < MAX_SAVED) this.#saved += this.#share
  }

  /**
   * Whether the exchange may have another try after this error. One is spent if it may, unless no server can have had the
   * request yet: then it adds nothing to the traffic, and of two servers one that is dead costs no client anything.
   */
  spend(exchange: Exchange, error: ProxyError): boolean {
    const { facts, server, retries, newest } = exchange
    if (!facts || !server || retries >= this.#attempts - 1) return false
    const sent = newest?.sent ?? false
    if (!mayRetry(error, facts.method, exchange.bodyUntouched, sent)) return false
    return !sent || this.#spendOne()
  }

  #spendOne(): boolean {
    const now = performance.now()
    const reserve = ((now - this.#filledAt) / 1_000) * RESERVE_PER_SECOND
    this.#filledAt = now
    this.#saved = Math.min(MAX_SAVED, this.#saved + reserve)
    if (this.#saved < 1) return false
    this.#saved -= 1
    return true
  }
}
