/**
 * Delays between attempts: they double from `minMs` to `maxMs`, and each is drawn anew from the whole span below it
 * ("full jitter"), so that ten thousand proxies that failed together do not come back together.
 */
export class Backoff {
  readonly #minMs: number
  readonly #maxMs: number
  readonly #random: () => number
  #failures = 0

  /** @param random a number from 0 to 1; tests pass their own */
  constructor(minMs: number, maxMs: number, random: () => number = Math.random) {
    this.#minMs = minMs
    this.#maxMs = maxMs
    this.#random = random
  }

  /** How long to wait before the next attempt, in milliseconds. At least a quarter of `minMs`, so that no draw is a tight loop. */
  next(): number {
    const span = Math.min(this.#maxMs, this.#minMs * 2 ** this.#failures)
    this.#failures = Math.min(this.#failures + 1, 30)
    return Math.max(this.#random() * span, this.#minMs / 4)
  }

  /** After a success: the next failure is a first one. */
  reset(): void {
    this.#failures = 0
  }
}
