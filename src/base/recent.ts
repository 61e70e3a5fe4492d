/**
 * What was made lately, by text: of two generations of so many entries, so that it is bounded without a clock. Whatever
 * is used moves to the younger one; when that is full, the older one is forgotten.
 */
export class Recent<V> {
  readonly #size: number
  readonly #length: number
  #young = new Map<string, V>()
  #old = new Map<string, V>()
  /** Of the texts of the younger one, together. */
  #youngLength = 0

  /**
   * @param size of a generation: between that many and twice as many entries are kept
   * @param length of a generation's texts together, in characters: what is made of a long text takes more memory
   */
  constructor(size: number, length = Number.POSITIVE_INFINITY) {
    this.#size = size
    this.#length = length
  }

  /** How many entries are kept. */
  get size(): number {
    return this.#young.size + this.#old.size
  }

  /**
   * What is kept under a text, or what `make` makes of it.
   *
   * @param make is given the text as a string of its own
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

/** V8 keeps a piece of a string as a reference into it: one entry would keep a whole document in memory. */
function copyOf(text: string): string {
  const copy = Buffer.from(text).toString()
  // Half a surrogate pair has no bytes in UTF-8.
  return copy === text ? copy : text
}
