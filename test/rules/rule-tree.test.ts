import { describe, expect, it } from 'vitest'
import {
  answerOf,
  conjunctsOf,
  holds,
  joined,
  mapTerms,
  type RuleTree,
  refusalIn,
  type TestTerm,
  termsOf,
} from '../../src/rules/rule-tree.js'
import { factsOf } from '../support/facts-of.js'
import { showTree } from '../support/show-tree.js'

type Tree = RuleTree<TestTerm>

function leaf(matcher: string, answer: unknown): TestTerm {
  return { kind: 'term', matcher, values: ['x'], test: () => answer as boolean }
}

const [yes, no] = [leaf('Yes', true), leaf('No', false)]
const all = (...parts: Tree[]): Tree => ({ kind: 'all', parts })
const any = (...parts: Tree[]): Tree => ({ kind: 'any', parts })
const not = (part: Tree): Tree => ({ kind: 'not', part })

describe('holds', () => {
  it.each<[Tree, boolean]>([
    [yes, true],
    [no, false],
    [not(yes), false],
    [not(no), true],
    [not(not(yes)), true],
    [all(yes, yes), true],
    [all(yes, no), false],
    [any(no, yes), true],
    [any(no, no), false],
    [not(all(yes, no)), true],
    [not(any(no, yes)), false],
    [all(yes, any(no, not(no))), true],
    [any(all(yes, no), all(yes, not(yes))), false],
  ])('%#: answers by and, or, not', (tree, expected) => {
    expect(holds(tree, factsOf())).toBe(expected)
  })

  it('asks no more than it must', () => {
    let asked = 0
    const counted: TestTerm = {
      ...yes,
      test: () => {
        asked += 1
        return true
      },
    }
    expect(holds(all(no, counted), factsOf())).toBe(false)
    expect(holds(any(yes, counted), factsOf())).toBe(true)
    expect(asked).toBe(0)
  })

  it.each([[1], ['yes'], [{}], [Promise.resolve(true)]])('takes no other answer for true: %j', (answer) => {
    expect(holds(leaf('Odd', answer), factsOf())).toBe(false)
  })
})

describe("Kleene's logic", () => {
  type Answer = boolean | undefined
  const all3: readonly Answer[] = [true, undefined, false]
  const leafOf = (answer: Answer) => leaf(String(answer), answer)
  // By its definition: false is the least, true the most, unknown between them.
  const rank = (answer: Answer) => (answer === undefined ? 0 : answer ? 1 : -1)
  const ranked = (value: number): Answer => (value === 0 ? undefined : value > 0)

  it('is that of and, or, not for every two answers', () => {
    for (const a of all3) {
      expect(answerOf(not(leafOf(a)), factsOf())).toBe(ranked(-rank(a)))
      for (const b of all3) {
        expect(answerOf(all(leafOf(a), leafOf(b)), factsOf())).toBe(ranked(Math.min(rank(a), rank(b))))
        expect(answerOf(any(leafOf(a), leafOf(b)), factsOf())).toBe(ranked(Math.max(rank(a), rank(b))))
      }
    }
  })

  it('lets a rule hold on true alone, its contrary too', () => {
    expect(holds(leafOf(undefined), factsOf())).toBe(false)
    expect(holds(not(leafOf(undefined)), factsOf())).toBe(false)
    expect(holds(not(all(yes, leafOf(undefined))), factsOf())).toBe(false)
    expect(holds(not(all(no, leafOf(undefined))), factsOf())).toBe(true)
    expect(holds(any(leafOf(undefined), yes), factsOf())).toBe(true)
  })
})

describe('refusalIn', () => {
  it.each<[string, Tree, string]>([
    ['the matcher itself', no, 'No[x]'],
    ['the first of all that refuses', all(yes, no, leaf('Other', false)), 'No[x]'],
    ['one in all within all', all(yes, all(yes, no)), 'No[x]'],
    ['any as a whole', all(yes, any(no, no)), '(No[x] / No[x])'],
    ['not as a whole', all(yes, not(all(yes, yes))), '!(Yes[x] & Yes[x])'],
    ['nothing, if it holds', all(yes, not(no), any(no, yes)), ''],
  ])('is %s', (_what, tree, refusal) => {
    expect(showTree(refusalIn(tree, factsOf()))).toBe(refusal)
  })
})

describe('the parts of a tree', () => {
  const tree = all(yes, all(no, any(yes, not(no))))

  it('are its matchers, in the order of its text', () => {
    expect(termsOf(tree).map(({ matcher }) => matcher)).toEqual(['Yes', 'No', 'Yes', 'No'])
  })

  it('are what must hold, each for itself', () => {
    expect(conjunctsOf(tree).map(showTree)).toEqual(['Yes[x]', 'No[x]', '(Yes[x] / !No[x])'])
    expect(conjunctsOf(not(tree))).toHaveLength(1)
  })

  it('are joined, but for one, which is itself', () => {
    expect(joined('any', [yes])).toBe(yes)
    expect(showTree(joined('any', [yes, no]))).toBe('(Yes[x] / No[x])')
    expect(showTree(joined('all', []))).toBe('()')
  })
})

describe('mapTerms', () => {
  it('keeps the shape, and changes every matcher', () => {
    const tree = all(yes, not(any(no, yes)))
    const changed = mapTerms(tree, (term) => ({ ...term, values: ['y'] }))
    expect(showTree(changed)).toBe('(Yes[y] & !(No[y] / Yes[y]))')
  })

  it('is nothing if one matcher becomes nothing, and still goes through all of them', () => {
    const seen: string[] = []
    const changed = mapTerms(all(no, not(any(yes, no)), leaf('Last', true)), (term) => {
      seen.push(term.matcher)
      return term.matcher === 'No' ? undefined : term
    })
    expect(changed).toBeUndefined()
    expect(seen).toEqual(['No', 'Yes', 'No', 'Last'])
  })
})
