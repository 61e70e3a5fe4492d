import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type CompiledTerm, compileRule } from '../../src/rules/compile-rule.js'
import { implies } from '../../src/rules/implies.js'
import { matcherTable } from '../../src/rules/matchers.js'
import { answerOf, type RuleTree } from '../../src/rules/rule-tree.js'
import { factsOf } from '../support/facts-of.js'

const matchers = matcherTable({ matchers: { Odd: () => () => undefined as unknown as boolean } })

function treeOf(rule: string): RuleTree<CompiledTerm> {
  const { tree, issues } = compileRule(rule, matchers)
  expect(issues).toEqual([])
  return tree as RuleTree<CompiledTerm>
}

// Few of everything, so that one rule says much of another.
const term = fc.constantFrom(
  'ClientIP(`10.0.0.0/8`)',
  'ClientIP(`10.1.0.0/16`)',
  'ClientIP(`0.0.0.0/0`)',
  'Host(`a.test`)',
  'Host(`*.test`)',
  'Host(`*`)',
  'PathPrefix(`/`)',
  'PathPrefix(`/a`)',
  'Path(`/a`)',
  'Method(`GET`)',
  'Odd(`x`)',
)
const { rule } = fc.letrec<{ rule: string }>((tie) => ({
  rule: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    term,
    fc.tuple(tie('rule'), fc.constantFrom('&&', '||'), tie('rule')).map((parts) => `(${parts.join(' ')})`),
    tie('rule').map((inner) => `!(${inner})`),
  ),
}))
const requests = ['', '10.1.1.1', '10.2.2.2', '192.0.2.1', '2001:db8::1'].flatMap((clientAddress) =>
  ['a.test', 'b.test', ''].flatMap((host) =>
    ['/', '/a', '/b'].flatMap((path) =>
      ['GET', 'PUT'].map((method) => factsOf({ clientAddress, host, path, method })),
    ),
  ),
)

describe('that one rule implies another', () => {
  it('is certain for clients without an address too: what holds for the one holds for the other', () => {
    let said = 0
    fc.assert(
      fc.property(rule, rule, (one, other) => {
        const [narrow, wide] = [treeOf(one), treeOf(other)]
        if (!implies(narrow, wide, matchers)) return
        said += 1
        for (const facts of requests) {
          const [ofNarrow, ofWide] = [answerOf(narrow, facts), answerOf(wide, facts)]
          if (ofNarrow === true) expect(ofWide).toBe(true)
          // Of this it follows for what stands under `!`.
          if (ofWide === false) expect(ofNarrow).toBe(false)
        }
      }),
      { numRuns: 4_000 },
    )
    // Else it would say little.
    expect(said).toBeGreaterThan(200)
  }, 60_000)
})
