/**
 * Entries by path, in a radix tree: for a path, those of its own and those of every prefix of it are found by walking the
 * path once, however many there are.
 */
export class PathTree<T> {
  /** What leads here from the node above. */
  #label: string
  /** For every path that begins with what leads here. */
  #prefixed: T[] | undefined
  /** For the path that ends here. */
  #exact: T[] | undefined
  /** By the first character of their labels; that of `#firstCode` comes first. */
  #children: (PathTree<T> | undefined)[] | undefined
  #firstCode = 0

  constructor(label = '') {
    this.#label = label
  }

  /** Adds an entry for a path; entries of one place are kept in the order in which they come, the same one only once in a row. */
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

  /** Appends the entries of a path, a list for each place that has some. */
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
      // Its first character is the one by which it was found.
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

  /** Becomes the node of the first part of its label; what was here moves one down. */
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

/** A rule may name one path a hundred thousand times: each request for it would try its frontend as often. */
function pushOnce<T>(entries: T[], entry: T): void {
  if (entries.at(-1) !== entry) entries.push(entry)
}
