/**
 * Delays between attempts, with exponential backoff from `minMs` to `maxMs`. Each delay is a random share of the
 * current span ("full jitter"). Ten thousand proxies that failed together therefore do not come back together.
 */
export class Backoff {
  readonly #minMs: number
  readonly #maxMs: number
  readonly #random: () => number
  #failures = 0

  /** @param random returns a number from 0 to 1; tests pass their own function */
  constructor(minMs: number, maxMs: number, random: () => number = Math.random) {
    this.#minMs = minMs
    this.#maxMs = maxMs
    this.#random = random
  }

  /**
   * Returns the milliseconds to wait before the next attempt. The delay is at least
   * a quarter of `minMs`, because a random delay near 0 would make a tight loop.
   */
  next(): number {
    const span = Math.min(this.#maxMs, this.#minMs * 2 ** this.#failures)
    this.#failures = Math.min(this.#failures + 1, 30)
    return Math.max(this.#random() * span, this.#minMs / 4)
  }

  /** Starts again at `minMs`. The caller calls it after a success. */
  reset(): void {
    this.#failures = 0
  }
}
