/** Retries that are allowed whatever the traffic, so that a quiet proxy may retry at all. */
const RESERVE_PER_SECOND = 10
/** Of what was saved up, no more than so many may come at once. */
const MAX_SAVED = 10 * RESERVE_PER_SECOND

/** What the retries of one backend may add to its traffic. Each has its own: the outage of one is not the others'. */
export class RetryBudget {
  readonly #share: number
  #saved = RESERVE_PER_SECOND
  #filledAt = performance.now()

  /** @param share of the traffic */
  constructor(share: number) {
    this.#share = share
  }

  /** A request came: its share of a retry is saved. */
  save(): void {
    if (this.#saved < MAX_SAVED) this.#saved += this.#share
  }

  /** @returns whether there was one to spend */
  spend(): boolean {
    const now = performance.now()
    const reserve = ((now - this.#filledAt) / 1_000) * RESERVE_PER_SECOND
    this.#filledAt = now
    this.#saved = Math.min(MAX_SAVED, this.#saved + reserve)
    if (this.#saved < 1) return false
    this.#saved -= 1
    return true
  }

  /** What was spent on a retry that could not be made. */
  giveBack(): void {
    this.#saved += 1
  }
}
