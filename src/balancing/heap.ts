/** Items of which the least is at hand: taken, put and moved in O(log n). */
export class Heap<T> {
  readonly #isLess: (one: T, other: T) => boolean
  readonly #items: T[] = []
  readonly #places = new Map<T, number>()

  /** @param isLess must not change for an item in the heap, but between a change of it and `moved` */
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
    this.#places.delete(least)
    if (last !== least) this.#sink(0, last)
    return least
  }

  /** An item is more or less than it was. */
  moved(item: T): void {
    const place = this.#places.get(item)
    if (place === undefined) return
    this.#rise(place, item)
    this.#sink(this.#places.get(item) as number, item)
  }

  #rise(from: number, item: T): void {
    let place = from
    while (place > 0) {
      const above = (place - 1) >> 1
      const parent = this.#items[above] as T
      if (!this.#isLess(item, parent)) break
      this.#put(place, parent)
      place = above
    }
    this.#put(place, item)
  }

  #sink(from: number, item: T): void {
    let place = from
    for (;;) {
      const [left, right] = [2 * place + 1, 2 * place + 2]
      if (left >= this.#items.length) break
      const isRight =
        right < this.#items.length && this.#isLess(this.#items[right] as T, this.#items[left] as T)
      const below = isRight ? right : left
      const child = this.#items[below] as T
      if (!this.#isLess(child, item)) break
      this.#put(place, child)
      place = below
    }
    this.#put(place, item)
  }

  #put(place: number, item: T): void {
    this.#items[place] = item
    this.#places.set(item, place)
  }
}
