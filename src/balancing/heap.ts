/** A binary heap. Reading the least item takes constant time. Removing, adding and moving an item take O(log n). */
export class Heap<T> {
  readonly #isLess: (one: T, other: T) => boolean
  readonly #items: T[] = []
  readonly #indexes = new Map<T, number>()

  /**
   * Creates a heap that contains the given items.
   *
   * @param isLess returns whether the first item is less than the second. If its result for an item in the heap changes, the
   *   caller must call `moved` for that item.
   */
  constructor(isLess: (one: T, other: T) => boolean, items: Iterable<T> = []) {
    this.#isLess = isLess
    for (const item of items) this.push(item)
  }

  get least(): T | undefined {
    return this.#items[0]
  }

  push(item: T): void {
    this.#items.push(item)
    this.#rise(this.#items.length - 1, item)
  }

  pop(): T | undefined {
    const [least] = this.#items
    const last = this.#items.pop()
    if (least === undefined || last === undefined) return undefined
    this.#indexes.delete(least)
    if (last !== least) this.#sink(0, last)
    return least
  }

  /** Restores the order of the heap after an item has become less or greater than it was. */
  moved(item: T): void {
    const index = this.#indexes.get(item)
    if (index === undefined) return
    this.#rise(index, item)
    this.#sink(this.#indexes.get(item) as number, item)
  }

  #rise(from: number, item: T): void {
    let index = from
    while (index > 0) {
      const above = (index - 1) >> 1
      const parent = this.#items[above] as T
      if (!this.#isLess(item, parent)) break
      this.#put(index, parent)
      index = above
    }
    this.#put(index, item)
  }

  #sink(from: number, item: T): void {
    let index = from
    for (;;) {
      const [left, right] = [2 * index + 1, 2 * index + 2]
      if (left >= this.#items.length) break
      const isRight =
        right < this.#items.length && this.#isLess(this.#items[right] as T, this.#items[left] as T)
      const below = isRight ? right : left
      const child = this.#items[below] as T
      if (!this.#isLess(child, item)) break
      this.#put(index, child)
      index = below
    }
    this.#put(index, item)
  }

  #put(index: number, item: T): void {
    this.#items[index] = item
    this.#indexes.set(item, index)
  }
}
