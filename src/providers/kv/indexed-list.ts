/**
 * A list whose items are added in any order, each with its index. The keys of a store are sorted as texts, so item 10 comes
 * before item 9.
 */
export class IndexedList {
  readonly #items = new Map<number, string>()

  /** Adds an item to the list. @returns false if the list already has an item with this index */
  add(index: number, item: string): boolean {
    if (this.#items.has(index)) return false
    this.#items.set(index, item)
    return true
  }

  /** Returns the items in the order of their indices. */
  inOrder(): readonly string[] {
    return [...this.#items].sort(([a], [b]) => a - b).map(([, item]) => item)
  }
}
