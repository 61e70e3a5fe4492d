import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PathTree } from '../../src/routing/path-tree.js'

type Kind = 'exact' | 'prefixed'

function treeOf(entries: readonly (readonly [path: string, kind: Kind])[]): PathTree<number> {
  const tree = new PathTree<number>()
  for (const [index, [path, kind]] of entries.entries()) tree.add(path, kind, index)
  return tree
}

function listsAt(tree: PathTree<number>, path: string): (readonly number[])[] {
  const lists: (readonly number[])[] = []
  tree.collect(path, lists)
  return lists
}

describe('PathTree', () => {
  it.each<[string, [string, Kind][], string, number[][]]>([
    ['nothing in an empty one', [], '/a', []],
    ['a path', [['/a', 'exact']], '/a', [[0]]],
    ['no path that goes on', [['/a', 'exact']], '/ab', []],
    ['no path that is shorter', [['/abc', 'exact']], '/ab', []],
    ['a prefix', [['/a', 'prefixed']], '/ab/c', [[0]]],
    ['a prefix of itself', [['/a', 'prefixed']], '/a', [[0]]],
    ['the empty prefix of every path', [['', 'prefixed']], '/a', [[0]]],
    ['the empty prefix of the empty path', [['', 'prefixed']], '', [[0]]],
    ['the empty path alone', [['', 'exact']], '/', []],
    [
      'several of one place, as they came',
      [
        ['/a', 'prefixed'],
        ['/a', 'prefixed'],
      ],
      '/a',
      [[0, 1]],
    ],
    [
      'prefixes, the shortest first, and the path last',
      [
        ['/a/b', 'exact'],
        ['/a', 'prefixed'],
        ['/', 'prefixed'],
        ['/a/b', 'prefixed'],
      ],
      '/a/b',
      [[2], [1], [3], [0]],
    ],
    [
      'what a label was split for',
      [
        ['/abcd', 'prefixed'],
        ['/abxy', 'prefixed'],
        ['/ab', 'prefixed'],
      ],
      '/abxyz',
      [[2], [1]],
    ],
    [
      'what stood in a label before it was split',
      [
        ['/abcd', 'exact'],
        ['/abcd/e', 'prefixed'],
        ['/ab', 'exact'],
      ],
      '/abcd',
      [[0]],
    ],
    [
      'children in any order of their first characters',
      [
        ['/m', 'prefixed'],
        ['/a', 'prefixed'],
        ['/z', 'prefixed'],
        ['/!', 'prefixed'],
      ],
      '/!x',
      [[3]],
    ],
    ['no child beyond the last', [['/m', 'prefixed']], '/z', []],
    ['no child before the first', [['/m', 'prefixed']], '/a', []],
    ['characters beyond ASCII', [['/é\u{1f600}', 'prefixed']], '/é\u{1f600}x', [[0]]],
  ])('finds %s', (_what, entries, path, lists) => {
    expect(listsAt(treeOf(entries), path)).toEqual(lists)
  })

  const path = fc
    .array(fc.constantFrom('/', 'a', 'b', 'ab', 'abc', '~', '!'), { maxLength: 6 })
    .map((parts) => parts.join(''))
  const entries = fc.array(fc.tuple(path, fc.constantFrom<Kind>('exact', 'prefixed')), { maxLength: 30 })

  it('finds what asking every entry finds', () => {
    fc.assert(
      fc.property(entries, fc.array(path, { minLength: 1, maxLength: 10 }), (added, asked) => {
        const tree = treeOf(added)
        for (const sample of [...asked, ...added.map(([text]) => text)]) {
          const expected = added.flatMap(([text, kind], index) =>
            (kind === 'exact' ? sample === text : sample.startsWith(text)) ? [index] : [],
          )
          const lists = listsAt(tree, sample)
          expect(lists.flat().toSorted((a, b) => a - b)).toEqual(expected)
          for (const list of lists) expect(list).toEqual(list.toSorted((a, b) => a - b))
        }
      }),
      { numRuns: 1000 },
    )
  })

  it('does not depend on the order in which paths are added', () => {
    fc.assert(
      fc.property(entries, path, (added, sample) => {
        const found = (list: typeof added) =>
          listsAt(treeOf(list), sample)
            .flat()
            .map((index) => list[index])
        const turned = added.toReversed()
        expect(found(turned).map(String).toSorted()).toEqual(found(added).map(String).toSorted())
      }),
    )
  })

  it('takes a path that is very long', () => {
    const long = `/${'a'.repeat(100_000)}`
    const tree = treeOf([
      [long, 'exact'],
      [long.slice(0, 50_000), 'prefixed'],
    ])
    expect(listsAt(tree, long)).toEqual([[1], [0]])
    expect(listsAt(tree, `${long}b`)).toEqual([[1]])
  })
})
