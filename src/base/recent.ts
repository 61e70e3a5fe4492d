/**
 * A cache by text that holds two generations. Each use moves an entry to the younger generation. When the younger one is full,
 * the older one is dropped. So the cache is bounded without a clock.
 */
export class Recent<V> {
  readonly #size: number
  readonly #length: number
  #young = new Map<string, V>()
  #old = new Map<string, V>()
  /** Characters of all texts in the younger generation. */
  #youngLength = 0

  /**
   * @param size entries in a generation. The cache keeps between this many and twice as many entries.
   * @param length characters of all texts in a generation, because what is made of a long text takes more memory
   */
  constructor(size: number, length = Number.POSITIVE_INFINITY) {
    this.#size = size
    this.#length = length
  }

  /** The number of entries that are kept. */
  get size(): number {
    return this.#young.size + this.#old.size
  }

  /**
   * Returns the entry for a text. If there is none, it is made.
   *
   * @param make makes the entry. It gets a copy of the text that shares no memory with a longer string.
   */
  get(text: string, make: (text: string) => V): V {
    const young = this.#young.get(text)
    if (young !== undefined) return young
    const own = copyOf(text)
    const value = this.#old.get(text) ?? make(own)
    if (this.#young.size >= this.#size || this.#youngLength + text.length > this.#length) {
      this.#old = this.#young
      this.#young = new Map()
      this.#youngLength = 0
    }
    this.#young.set(own, value)
    this.#youngLength += text.length
    return value
  }
}

/** Copies a text. V8 keeps a piece of a string as a reference into it, so one entry would keep a whole document in memory. */
function copyOf(text: string): string {
  const copy = Buffer.from(text).toString()
  // Half a surrogate pair has no bytes in UTF-8, so such a text cannot be copied this way.
  return copy === text ? copy : text
}
