import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseTraefik1Rule } from '../../src/rules/parse-traefik1-rule.js'
import { termsOf } from '../../src/rules/rule-tree.js'
import { showRule } from '../support/show-tree.js'

/** Where each name and value of a rule begins. */
function placesIn(text: string): (number | undefined)[] {
  const { tree } = parseTraefik1Rule(text)
  return (tree ? termsOf(tree) : []).flatMap(({ at, valuesAt }) => [at, ...(valuesAt ?? [])])
}

describe('parseTraefik1Rule', () => {
  it.each<[string, string, string]>([
    ['one matcher', 'Host:a.b', 'Host[a.b]'],
    ['";" as and', 'Host:a.b;Path:/c', '(Host[a.b] & Path[/c])'],
    ['"," as or', 'Host:a.b,c.d', 'Host[a.b|c.d]'],
    ['blanks round everything', '  Host : a.b , c.d ;\tPath:/e  ', '(Host[a.b|c.d] & Path[/e])'],
    ['empty parts', ';;Host:,a.b,,c.d,;;Path:/e;', '(Host[a.b|c.d] & Path[/e])'],
    ['parts that are blank', ' ; Host: , a.b ; ', 'Host[a.b]'],
    ['a name that ends at the first colon', 'ClientIP:::1/128', 'ClientIP[::1/128]'],
    ['colons in later values', 'ClientIP:10.0.0.1,2001:db8::/32', 'ClientIP[10.0.0.1|2001:db8::/32]'],
    ['the same matcher twice', 'Headers:a,b;Headers:c,d', '(Headers[a|b] & Headers[c|d])'],
    ['a matcher without values', 'Host:', 'Host[]'],
    ['parentheses in a value', 'Path:/a(b)', 'Path[/a(b)]'],
    ['blanks inside a value', 'ReplacePathRegex: ^/a /b ', 'ReplacePathRegex[^/a /b]'],
    ['"," within braces', 'Path:/{n:[0-9]{1,3}},/b', 'Path[/{n:[0-9]{1,3}}|/b]'],
    ['";" within braces', 'Path:/{n:a;b};Method:GET', '(Path[/{n:a;b}] & Method[GET])'],
    ['braces round all of a value', 'HostRegexp:{h:a,b}', 'HostRegexp[{h:a,b}]'],
  ])('understands %s', (_what, text, tree) => {
    expect(showRule(parseTraefik1Rule(text))).toBe(tree)
  })

  it.each([
    ['never closed', 'Path:/{a,b;Method:GET', '(Path[/{a|b] & Method[GET])'],
    ['never opened', 'Path:/a},b;Method:GET', '(Path[/a}|b] & Method[GET])'],
    ['closed too often', 'Path:/{a,b}};Method:GET', '(Path[/{a|b}}] & Method[GET])'],
    ['the wrong way round', 'Headers:X-A,};Headers:X-B,{', '(Headers[X-A|}] & Headers[X-B|{])'],
  ])('separates at every "," and ";" where braces are %s', (_what, text, tree) => {
    expect(showRule(parseTraefik1Rule(text))).toBe(tree)
  })

  it('knows where each name and value begins', () => {
    const text = ' Host: a.b,  c.d ;Path:/e'
    expect(placesIn(text).map((at) => text.slice(at))).toEqual([
      'Host: a.b,  c.d ;Path:/e',
      'a.b,  c.d ;Path:/e',
      'c.d ;Path:/e',
      'Path:/e',
      '/e',
    ])
  })

  it('knows it behind groups too', () => {
    const text = 'Path: /{a:x,y} , /b;Method:GET'
    expect(placesIn(text).map((at) => text.slice(at))).toEqual([
      text,
      '/{a:x,y} , /b;Method:GET',
      '/b;Method:GET',
      'Method:GET',
      'GET',
    ])
  })

  it.each([
    ['no colon', 'www.example.com', 0, '"www.example.com"'],
    ['no name', ':a.b', 0, '":a.b"'],
    ['a bad part behind a good one', 'Host:a.b; nonsense', 10, '"nonsense"'],
  ])('refuses a part with %s, with its position and what was expected', (_what, text, at, found) => {
    expect(parseTraefik1Rule(text).problems).toEqual([
      {
        at,
        code: 'INVALID_RULE',
        message: `expected a matcher's name, ":" and values, like Host:a.b, found ${found}`,
      },
    ])
  })

  it('reports every bad part, and keeps what is right', () => {
    const { problems, tree } = parseTraefik1Rule('one;Host:a.b;two')
    expect(problems.map(({ at }) => at)).toEqual([0, 13])
    expect(tree).toMatchObject({ matcher: 'Host', values: ['a.b'] })
  })

  it.each(['', '   ', ';', ' ; ;; '])(
    'refuses %j: a rule without a matcher would take everything',
    (text) => {
      expect(parseTraefik1Rule(text)).toEqual({
        form: 'traefik1',
        problems: [
          {
            at: 0,
            code: 'INVALID_RULE',
            message: 'the rule is empty; expected at least one matcher, like Host:a.b',
          },
        ],
      })
    },
  )

  const piece = fc.constantFrom('Host', ':', ';', ',', ' ', '{', '}', '::1', 'a.b', '\n', '')
  const text = fc.oneof(
    fc.string(),
    fc.array(piece, { maxLength: 14 }).map((pieces) => pieces.join('')),
  )

  it('never throws, and knows where every value stands in any text', () => {
    fc.assert(
      fc.property(text, (sample) => {
        const { tree, problems } = parseTraefik1Rule(sample)
        const terms = tree ? termsOf(tree) : []
        expect(terms.length + problems.length).toBeGreaterThan(0)
        for (const { values, valuesAt } of terms) {
          for (const [index, value] of values.entries()) {
            expect(value).not.toBe('')
            expect(value).toBe(value.trim())
            expect(sample.startsWith(value, valuesAt?.[index])).toBe(true)
          }
        }
      }),
      { numRuns: 2000 },
    )
  })
})
