/**
 * A cache that keeps the recently used entries. The keys are texts. It holds two generations, and each use moves an entry to the
 * younger one. When the younger generation is full, the older one is dropped. So the cache has a limited size and needs no
 * timestamps.
 */
export class Recent<V> {
  readonly #size: number
  readonly #length: number
  #young = new Map<string, V>()
  #old = new Map<string, V>()
  /** Characters of all keys in the younger generation. */
  #youngLength = 0

  /**
   * Creates an empty cache.
   *
   * @param size maximum entries in a generation. A full cache keeps between this many and twice as many entries.
   * @param length maximum characters of all keys in a generation, because the entry of a long text takes more memory
   */
  constructor(size: number, length = Number.POSITIVE_INFINITY) {
    this.#size = size
    this.#length = length
  }

  /** The number of entries in both generations. */
  get size(): number {
    return this.#young.size + this.#old.size
  }

  /**
   * Returns the entry for a text. If the cache has no entry for it, `make` creates one.
   *
   * @param make creates the entry. It receives a copy of the text that shares no memory with a longer string.
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

/**
 * Copies a text. V8 keeps a part of a string as a reference to that string, so one cached text would keep a whole document in
 * memory.
 */
function copyOf(text: string): string {
  const copy = Buffer.from(text).toString()
  // If the text contains half a surrogate pair, UTF-8 cannot represent it. The copy is then wrong, so the text itself is
  // returned.
  return copy === text ? copy : text
}
