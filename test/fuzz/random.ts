/** Chance that can be repeated: the same for the same seed, and for each case of a run by itself. */
export class Random {
  #state: number

  constructor(seed: number, salt = 0) {
    this.#state = (Math.imul(seed, 2_654_435_761) ^ Math.imul(salt, 40_503)) >>> 0
    for (let time = 0; time < 3; time++) this.next()
  }

  /** From 0 to 1 (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  /** A whole number from 0, below `limit`. */
  below(limit: number): number {
    return Math.floor(this.next() * limit)
  }

  maybe(chance: number): boolean {
    return this.next() < chance
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T
  }

  /** So many random characters, a byte each. */
  bytes(length: number): string {
    let text = ''
    for (let at = 0; at < length; at++) text += String.fromCharCode(this.below(256))
    return text
  }
}
