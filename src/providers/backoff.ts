/**
 * Delays between attempts: exponential backoff from `minMs` to `maxMs` with full jitter. Full jitter means that each delay is a
 * random share of the current maximum. Ten thousand proxies that failed at the same time therefore retry at different times.
 */
export class Backoff {
  readonly #minMs: number
  readonly #maxMs: number
  readonly #random: () => number
  #failures = 0

  /**
   * Makes a backoff whose longest possible delay grows from `minMs` to `maxMs`.
   *
   * @param random returns a number from 0 to 1; tests pass their own function
   */
  constructor(minMs: number, maxMs: number, random: () => number = Math.random) {
    this.#minMs = minMs
    this.#maxMs = maxMs
    this.#random = random
  }

  /**
   * Returns the milliseconds to wait before the next attempt. The delay is at least a quarter of `minMs`, because with a random
   * delay near 0 the caller would retry in a tight loop.
   */
  next(): number {
    const span = Math.min(this.#maxMs, this.#minMs * 2 ** this.#failures)
    this.#failures = Math.min(this.#failures + 1, 30)
    return Math.max(this.#random() * span, this.#minMs / 4)
  }

  /** Makes the next delay as short as after a first failure. The caller calls this method after a success. */
  reset(): void {
    this.#failures = 0
  }
}
