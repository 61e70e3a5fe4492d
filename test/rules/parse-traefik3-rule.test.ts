import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseTraefik3Rule } from '../../src/rules/parse-traefik3-rule.js'
import { termsOf } from '../../src/rules/rule-tree.js'
import { cpuMsOf } from '../support/cpu-time.js'
import { showRule } from '../support/show-tree.js'

/** A and B and so on, each with its value `x`. */
function short(text: string): string {
  const whole = text.replace(/[A-Z]/g, '$&(`x`)')
  return showRule(parseTraefik3Rule(whole)).replaceAll('[x]', '')
}

/** What is wrong with a rule; the first thing alone is reported. */
function flawOf(text: string) {
  const { tree, problems } = parseTraefik3Rule(text)
  expect(tree).toBeUndefined()
  expect(problems).toHaveLength(1)
  expect(problems[0]?.code).toBe('INVALID_RULE')
  return problems[0]
}

describe('parseTraefik3Rule', () => {
  it.each([
    ['A', 'A'],
    ['A && B', '(A & B)'],
    ['A && B && C', '(A & B & C)'],
    ['A || B || C', '(A / B / C)'],
    ['A || B && C', '(A / (B & C))'],
    ['A && B || C', '((A & B) / C)'],
    ['A && B || C && D', '((A & B) / (C & D))'],
    ['(A || B) && C', '((A / B) & C)'],
    ['A && (B || C)', '(A & (B / C))'],
    ['!A && B', '(!A & B)'],
    ['!A || B', '(!A / B)'],
    ['!(A && B)', '!(A & B)'],
    ['!!A', '!!A'],
    ['A && !B && !C', '(A & !B & !C)'],
    ['((A))', 'A'],
    ['((A && B))', '(A & B)'],
    ['!((A || (B)))', '!(A / B)'],
    ['A&&B||!C', '((A & B) / !C)'],
  ])('reads %s as %s', (text, tree) => {
    expect(short(text)).toBe(tree)
  })

  it.each([
    ['blanks everywhere', ' ( Host ( `a` ) && ! Path\t(\n`/b` ) ) ', '(Host[a] & !Path[/b])'],
    ['no blanks at all', '(Host(`a`)&&!Path(`/b`))', '(Host[a] & !Path[/b])'],
    ['several values', 'Header(`X-Env` , "qas")', 'Header[X-Env|qas]'],
    ['no value, for whoever knows the matcher to refuse', 'Host()', 'Host[]'],
    ['a name that nobody has', 'Hots(`a`)', 'Hots[a]'],
    ['a name with an underscore', 'My_Own1(`a`)', 'My_Own1[a]'],
    ['signs in a value', 'Path(`/a&&b||!(c),"d"`)', 'Path[/a&&b||!(c),"d"]'],
    ['an empty value', 'Query(`k`, ``)', 'Query[k|]'],
  ])('understands %s', (_what, text, tree) => {
    expect(showRule(parseTraefik3Rule(text))).toBe(tree)
  })

  it.each<[string, string, string]>([
    ['backticks', '`a.b`', 'a.b'],
    ['double quotes', '"a.b"', 'a.b'],
    ['backslashes in backticks, which mean themselves', '`\\d+\\\\`', '\\d+\\\\'],
    ['a double quote in backticks', '`say "x"`', 'say "x"'],
    ['a line break in backticks', '`a\nb`', 'a\nb'],
    ['a backtick in double quotes', '"a`b"', 'a`b'],
    ['escaped quotes', '"say \\"x\\""', 'say "x"'],
    ['escaped backslashes', '"\\\\d+\\\\"', '\\d+\\'],
    ['an escaped line break and tab', '"a\\n\\tb"', 'a\n\tb'],
    ['a tab in double quotes', '"a\tb"', 'a\tb'],
    ['a character by its number', '"\\u0041\\u00e9"', 'Aé'],
    ['other scripts', '`bücher` ', 'bücher'],
    ['blanks, which belong to the value', '` a `', ' a '],
  ])('reads a value in %s', (_what, literal, value) => {
    const { tree } = parseTraefik3Rule(`Path(${literal})`)
    expect(tree).toMatchObject({ kind: 'term', matcher: 'Path', values: [value] })
  })

  it('knows where each name and value begins', () => {
    const text = ' Host ( `a` ) && !( Header("b", `c`) )'
    const { tree } = parseTraefik3Rule(text)
    const places = (tree ? termsOf(tree) : []).flatMap(({ at, valuesAt }) => [at, ...(valuesAt ?? [])])
    expect(places.map((at) => text.slice(at, (at ?? 0) + 3))).toEqual(['Hos', '`a`', 'Hea', '"b"', '`c`'])
  })

  it.each<[string, string, number, string]>([
    ['nothing', '', 0, 'expected a matcher\'s name, "!" or "(", found the end of the rule'],
    ['a "!" alone', ' ! ', 3, 'expected a matcher\'s name, "!" or "(", found the end of the rule'],
    ['a sign first', '&& A(`x`)', 0, 'expected a matcher\'s name, "!" or "(", found "&&"'],
    ['a sign last', 'A(`x`) ||', 9, 'expected a matcher\'s name, "!" or "(", found the end of the rule'],
    ['two signs', 'A(`x`) && || B(`x`)', 10, 'expected a matcher\'s name, "!" or "(", found "||"'],
    ['a value first', '`x`', 0, 'expected a matcher\'s name, "!" or "(", found "x"'],
    ['empty parentheses', '()', 1, 'expected a matcher\'s name, "!" or "(", found ")"'],
    ['no sign between two', 'A(`x`) B(`y`)', 7, 'expected "&&", "||" or the end of the rule, found "B"'],
    ['a "!" between two', 'A(`x`) ! B(`y`)', 7, 'expected "&&", "||" or the end of the rule, found "!"'],
    ['a parenthesis too many', 'A(`x`))', 6, 'expected "&&", "||" or the end of the rule, found ")"'],
    ['an open group', '(A(`x`)', 7, 'expected "&&", "||" or ")", found the end of the rule'],
    ['a group without a sign', '(A(`x`) B(`y`))', 8, 'expected "&&", "||" or ")", found "B"'],
    ['a name alone', 'Host', 4, 'expected "(" after "Host", found the end of the rule'],
    ['a value without parentheses', 'A(`x`) && Host`a`', 14, 'expected "(" after "Host", found "a"'],
    ['an open matcher', 'Host(`a`', 8, 'expected "," or ")", found the end of the rule'],
    ['values without a comma', 'Host(`a` `b`)', 9, 'expected "," or ")", found "b"'],
    ['a value without quotes', 'Host(a)', 5, 'expected a value in backticks or double quotes, found "a"'],
    ['a comma first', 'Host(,`a`)', 5, 'expected a value in backticks or double quotes, found ","'],
    ['a comma last', 'Host(`a`,)', 9, 'expected a value in backticks or double quotes, found ")"'],
    [
      'nothing behind "("',
      'Host(',
      5,
      'expected a value in backticks or double quotes, found the end of the rule',
    ],
    ['an open backtick', 'Host(`a.b)', 5, 'expected a closing `'],
    ['an open double quote', 'Host("a.b)', 5, 'expected a closing "'],
    ['a line break in double quotes', 'Host("a\nb")', 5, 'expected a closing "'],
    ['a double quote whose end is escaped', 'Host("a\\")', 5, 'expected a closing "'],
    [
      'an escape that is none',
      'Host("a\\d")',
      5,
      '"\\"a\\\\d\\"" has an unknown escape; expected \\\\, \\", \\n, \\t or \\u0041, or backticks instead of quotes',
    ],
    ['single quotes', "Host('a')", 5, 'expected a value in backticks or double quotes, found a single quote'],
    [
      'half a sign',
      'A(`x`) & B(`y`)',
      7,
      'expected a matcher\'s name, a value, "&&", "||", "!" or a parenthesis, found "& B(`y`)"',
    ],
    [
      'a character that has no meaning, cut behind 20',
      `A(\`x\`) ;${'z'.repeat(50)}`,
      7,
      `expected a matcher's name, a value, "&&", "||", "!" or a parenthesis, found ";${'z'.repeat(19)}"`,
    ],
  ])('refuses %s: %j', (_what, text, at, message) => {
    expect(flawOf(text)).toEqual({ at, code: 'INVALID_RULE', message })
  })
})

describe('what is nested', () => {
  it.each([
    ['parentheses', (depth: number) => `${'('.repeat(depth)}A(\`x\`)${')'.repeat(depth)}`],
    ['"!"', (depth: number) => `${'!'.repeat(depth)}A(\`x\`)`],
    ['both', (depth: number) => `${'!('.repeat(depth / 2)}A(\`x\`)${')'.repeat(depth / 2)}`],
  ])('may be so to a depth of 100, in %s', (_what, make) => {
    // The matcher itself is one level.
    expect(parseTraefik3Rule(make(98)).problems).toEqual([])
    expect(flawOf(make(100))).toMatchObject({ message: 'the rule is nested deeper than 100 levels', at: 100 })
  })

  it('counts depth, not length: what stands side by side is not nested', () => {
    const text = Array.from({ length: 2_000 }, () => '!(A(`x`))').join(' && ')
    expect(parseTraefik3Rule(text).problems).toEqual([])
  })
})

describe('any text', () => {
  const piece = fc.constantFrom(
    ...['Host', '(', ')', '(`a`)', '`', '"', '"b"', '\\', '&&', '||', '!', ',', ' ', '\n', '&', "'", '\r'],
  )
  const text = fc.oneof(
    fc.string(),
    fc.string({ unit: 'binary' }),
    fc.array(piece, { maxLength: 20 }).map((pieces) => pieces.join('')),
  )

  it('is a rule or has one problem, and nothing is thrown', () => {
    fc.assert(
      fc.property(text, (sample) => {
        const { tree, problems } = parseTraefik3Rule(sample)
        expect(problems.length).toBe(tree === undefined ? 1 : 0)
        for (const { at, message } of problems) {
          expect(at).toBeLessThanOrEqual(sample.length)
          expect(message).not.toBe('')
        }
      }),
      { numRuns: 3000 },
    )
  })

  it.each([
    ['open parentheses', '('.repeat(500_000)],
    ['"!"', '!'.repeat(500_000)],
    ['one long name', 'a'.repeat(500_000)],
    ['blanks', ' '.repeat(500_000)],
    ['an open backtick', `A(\`${'x'.repeat(500_000)}`],
    ['an open double quote', `A("${'x'.repeat(500_000)}`],
    ['backslashes', `A("${'\\'.repeat(500_000)}`],
    ['escapes', `A("${'\\n'.repeat(250_000)}")`],
    ['tabs', `A("${'\t'.repeat(500_000)}")`],
    ['many matchers', Array.from({ length: 50_000 }, () => 'A(`x`)').join('||')],
    ['many values', `A(${'`x`,'.repeat(100_000)}`],
    ['many open backticks', 'A(`'.repeat(100_000)],
    ['many open double quotes', 'A("'.repeat(100_000)],
  ])('takes little time, however hostile and long: %s', (_what, sample) => {
    const ms = cpuMsOf(() => parseTraefik3Rule(sample))
    expect(ms).toBeLessThan(5_000)
  })

  it('of 20 megabytes in double quotes is refused or read, not thrown at', () => {
    expect(() => parseTraefik3Rule(`Host("${'a'.repeat(20_000_000)}")`)).not.toThrow()
  })
})
