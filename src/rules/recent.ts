/**
 * What was made lately, by text: of two generations of so many entries, so that it is bounded without a clock. Whatever
 * is used moves to the younger one; when that is full, the older one is forgotten.
 */
export class Recent<V> {
  readonly #size: number
  #young = new Map<string, V>()
  #old = new Map<string, V>()

  /** @param size of a generation: between that many and twice as many entries are kept */
  constructor(size: number) {
    this.#size = size
  }

  /** What is kept under a text, or what `make` makes of it. */
  get(text: string, make: (text: string) => V): V {
    const young = this.#young.get(text)
    if (young !== undefined) return young
    const value = this.#old.get(text) ?? make(text)
    if (this.#young.size >= this.#size) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(text, value)
    return value
  }
}
