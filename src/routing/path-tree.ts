/**
 * A radix tree that stores entries by path. A lookup finds the entries of a path and of each of its prefixes. A lookup walks the
 * path once, so its cost does not grow with the number of entries.
 */
export class PathTree<T> {
  /** The characters that follow the parent node's path in the path of this node. */
  #label: string
  /** The entries that apply to every path that begins with the path of this node. */
  #prefixed: T[] | undefined
  /** The entries that apply only to the path of this node itself. */
  #exact: T[] | undefined
  /** The child nodes. A child's index is the code of the first character of the child's label, minus `#firstCode`. */
  #children: (PathTree<T> | undefined)[] | undefined
  #firstCode = 0

  constructor(label = '') {
    this.#label = label
  }

  /**
   * Adds an entry for one path (`exact`), or for all paths that begin with it (`prefixed`). The entries of a node keep the order
   * in which they were added. An entry that is added twice in succession is kept once.
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

  /** Appends to `into` the entries that apply to a path, as one list for each node of the tree that has entries. */
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
      // A label of one character needs no comparison, because the child was found by the first character of its label.
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

  /**
   * Splits this node after `length` characters of its label. The node's entries and children move to a new child node with the
   * rest of the label.
   */
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
 * Adds an entry, unless it is already the last one. A hostile rule may name one path a hundred thousand times. Without this
 * check, each request for that path would test the frontend a hundred thousand times.
 */
function pushOnce<T>(entries: T[], entry: T): void {
  if (entries.at(-1) !== entry) entries.push(entry)
}
