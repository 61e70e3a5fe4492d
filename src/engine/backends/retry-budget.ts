/** Retries per second that are allowed even without traffic. Otherwise a proxy with few requests could never retry. */
const RESERVE_PER_SECOND = 10
/** The number of unused retries that the budget can save up at most. All of them may then be made at once. */
const MAX_SAVED = 10 * RESERVE_PER_SECOND

/**
 * The retry budget of one backend: the number of retries that it may add to its traffic. Each backend has a budget of its own,
 * so the outage of one backend does not use up the retries of others.
 */
export class RetryBudget {
  readonly #share: number
  #saved = RESERVE_PER_SECOND
  #filledAt = performance.now()

  /** Creates a budget. @param share the share of the traffic that retries may add: 0.2 is one retry for five requests */
  constructor(share: number) {
    this.#share = share
  }

  /** Adds to the budget what one request earns: a share of a retry. */
  save(): void {
    if (this.#saved < MAX_SAVED) this.#saved += this.#share
  }

  /** Takes one retry from the budget. @returns whether one was left */
  spend(): boolean {
    const now = performance.now()
    const reserve = ((now - this.#filledAt) / 1_000) * RESERVE_PER_SECOND
    this.#filledAt = now
    this.#saved = Math.min(MAX_SAVED, this.#saved + reserve)
    if (this.#saved < 1) return false
    this.#saved -= 1
    return true
  }

  /** Gives back to the budget a retry that was taken, but could not be made. */
  giveBack(): void {
    this.#saved += 1
  }
}
