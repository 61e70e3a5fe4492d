/**
 * A radix tree of entries by path. A lookup finds the entries of a path and of each of its prefixes. It walks the path once, so
 * its cost does not grow with the number of entries.
 */
export class PathTree<T> {
  /** The characters that lead from the parent node to this one. */
  #label: string
  /** Entries for every path that begins with the path of this node. */
  #prefixed: T[] | undefined
  /** Entries for the path of this node alone. */
  #exact: T[] | undefined
  /** The child nodes, indexed by the code of their label's first character minus `#firstCode`. */
  #children: (PathTree<T> | undefined)[] | undefined
  #firstCode = 0

  constructor(label = '') {
    this.#label = label
  }

  /**
   * Adds an entry for a path. The entries of a node keep the order in which they were added. An entry that is added twice in
   * succession is kept once.
   */
  add(path: string, kind: 'exact' | 'prefixed', entry: T): void {
    const node = path === '' ? this : this.#nodeAt(path)
    if (kind === 'exact') {
      node.#exact ??= []
      pushOnce(node.#exact, entry)
    } else {
      node.#prefixed ??= []
      pushOnce(node.#prefixed, entry)
    }
  }

  /** Appends the entries that apply to a path, as one list for each node that has any. */
  collect(path: string, into: (readonly T[])[]): void {
    let node: PathTree<T> = this
    let at = 0
    for (;;) {
      if (node.#prefixed) into.push(node.#prefixed)
      if (at === path.length) {
        if (node.#exact) into.push(node.#exact)
        return
      }
      const child: PathTree<T> | undefined = node.#children?.[path.charCodeAt(at) - node.#firstCode]
      if (!child) return
      const { length } = child.#label
      // The child was found by its label's first character, so a label of one character needs no comparison.
      if (length > 1 && !path.startsWith(child.#label, at)) return
      at += length
      node = child
    }
  }

  #nodeAt(path: string): PathTree<T> {
    const child = this.#children?.[path.charCodeAt(0) - this.#firstCode]
    if (!child) {
      const leaf = new PathTree<T>(path)
      this.#adopt(leaf)
      return leaf
    }
    const shared = sharedLength(child.#label, path)
    if (shared < child.#label.length) child.#splitAt(shared)
    return shared === path.length ? child : child.#nodeAt(path.slice(shared))
  }

  #adopt(child: PathTree<T>): void {
    const code = child.#label.charCodeAt(0)
    this.#children ??= []
    if (this.#children.length === 0) this.#firstCode = code
    for (; this.#firstCode > code; this.#firstCode -= 1) this.#children.unshift(undefined)
    this.#children[code - this.#firstCode] = child
  }

  /** Shortens this node's label to `length` characters and moves its entries and children to a new node below. */
  #splitAt(length: number): void {
    const lower = new PathTree<T>(this.#label.slice(length))
    lower.#prefixed = this.#prefixed
    lower.#exact = this.#exact
    lower.#children = this.#children
    lower.#firstCode = this.#firstCode
    this.#label = this.#label.slice(0, length)
    this.#prefixed = undefined
    this.#exact = undefined
    this.#children = undefined
    this.#adopt(lower)
  }
}

function sharedLength(one: string, other: string): number {
  const most = Math.min(one.length, other.length)
  let length = 0
  while (length < most && one.charCodeAt(length) === other.charCodeAt(length)) length += 1
  return length
}

/**
 * Adds an entry unless it is the last one already. A hostile rule may name one path a hundred thousand times, and each request
 * for that path would test the frontend as often.
 */
function pushOnce<T>(entries: T[], entry: T): void {
  if (entries.at(-1) !== entry) entries.push(entry)
}
