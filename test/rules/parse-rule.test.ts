import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { RuleSpec } from '../../src/model/config.js'
import { parseRule, type RuleTerm, termsOfSpec } from '../../src/rules/parse-rule.js'
import { formatRule, textOfTerms } from '../../src/rules/rule-matcher.js'

const NAMES = ['Host', 'Path', 'PathPrefix', 'Method', 'Headers', 'ClientIP']

/** Name and values only, as `Name:value,value`. */
function shortOf(terms: readonly RuleTerm[]): string[] {
  return terms.map((term) => textOfTerms([term]))
}

describe('parseRule', () => {
  it.each<[string, string, string[]]>([
    ['one matcher', 'Host:a.b', ['Host:a.b']],
    ['";" as and', 'Host:a.b;Path:/c', ['Host:a.b', 'Path:/c']],
    ['"," as or', 'Host:a.b,c.d', ['Host:a.b,c.d']],
    ['blanks round everything', '  Host : a.b , c.d ;\tPath:/e  ', ['Host:a.b,c.d', 'Path:/e']],
    ['empty parts', ';;Host:,a.b,,c.d,;;Path:/e;', ['Host:a.b,c.d', 'Path:/e']],
    ['parts that are blank', ' ; Host: , a.b ; ', ['Host:a.b']],
    ['a name that ends at the first colon', 'ClientIP:::1/128', ['ClientIP:::1/128']],
    ['colons in later values', 'ClientIP:10.0.0.1,2001:db8::/32', ['ClientIP:10.0.0.1,2001:db8::/32']],
    ['the same matcher twice', 'Headers:a,b;Headers:c,d', ['Headers:a,b', 'Headers:c,d']],
    ['a matcher without values', 'Host:', ['Host:']],
    ['parentheses in a value', 'Path:/a(b)', ['Path:/a(b)']],
  ])('understands %s', (_what, text, terms) => {
    expect(parseRule(text).problems).toEqual([])
    expect(shortOf(parseRule(text).terms)).toEqual(terms)
  })

  it('knows where each name and value begins', () => {
    const text = ' Host: a.b,  c.d ;Path:/e'
    const places = parseRule(text).terms.flatMap(({ at, valuesAt }) => [at, ...(valuesAt ?? [])])
    expect(places.map((at) => text.slice(at))).toEqual([
      'Host: a.b,  c.d ;Path:/e',
      'a.b,  c.d ;Path:/e',
      'c.d ;Path:/e',
      'Path:/e',
      '/e',
    ])
  })

  it.each([
    ['no colon', 'www.example.com', 0, '"www.example.com"'],
    ['no name', ':a.b', 0, '":a.b"'],
    ['a bad part behind a good one', 'Host:a.b; nonsense', 10, '"nonsense"'],
  ])('refuses a part with %s, with its position and what was expected', (_what, text, at, found) => {
    expect(parseRule(text).problems).toEqual([
      {
        at,
        code: 'INVALID_RULE',
        message: `expected a matcher's name, ":" and values, like Host:a.b, found ${found}`,
      },
    ])
  })

  it('reports every bad part', () => {
    expect(parseRule('one;Host:a.b;two').problems.map(({ at }) => at)).toEqual([0, 13])
  })

  it.each(['', '   ', ';', ' ; ;; '])(
    'refuses %j: a rule without a matcher would take everything',
    (text) => {
      expect(parseRule(text)).toEqual({
        terms: [],
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

  it.each([
    'Host(`www.example.com`)',
    'Host(`a.b`) && ClientIP(`10.0.0.0/8`)',
    '  Host ( "a.b" )',
    '!Host(`a.b`)',
    '(Host(`a.b`) || Path(`/c;d:e`))',
    '! ( ( PathPrefix(`/x`) ) )',
  ])("refuses Traefik 3's form by a sentence: %s", (text) => {
    const { terms, problems } = parseRule(text)
    expect(terms).toEqual([])
    expect(problems).toEqual([
      {
        at: 0,
        code: 'NOT_SUPPORTED',
        message: expect.stringMatching(/^this is Traefik 3's form.*expected Traefik 1\.7's/),
      },
    ])
  })

  it('never throws, and finds either terms or problems in any text', () => {
    const piece = fc.constantFrom(
      'Host',
      'ClientIP',
      ':',
      ';',
      ',',
      ' ',
      '(',
      '`',
      '!',
      '::1',
      'a.b',
      '\n',
      '',
    )
    const text = fc.oneof(
      fc.string(),
      fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join('')),
    )
    fc.assert(
      fc.property(text, (sample) => {
        const { terms, problems } = parseRule(sample)
        expect(terms.length + problems.length).toBeGreaterThan(0)
        for (const { at } of [...terms, ...problems]) expect(at).toBeLessThanOrEqual(sample.length)
        for (const { values, valuesAt } of terms) {
          for (const [index, value] of values.entries())
            expect(sample.startsWith(value, valuesAt?.[index])).toBe(true)
        }
      }),
      { numRuns: 1000 },
    )
  })

  it('takes little time for long hostile texts', () => {
    const before = performance.now()
    for (const text of [
      '('.repeat(200_000),
      'a'.repeat(200_000),
      ' '.repeat(200_000),
      'Host:,'.repeat(50_000),
    ]) {
      parseRule(text)
    }
    expect(performance.now() - before).toBeLessThan(2000)
  })
})

describe('termsOfSpec', () => {
  it.each<[string, RuleSpec, string[]]>([
    ['a text', { host: 'a.b' }, ['Host:a.b']],
    ['a list of texts', { clientIp: ['10.0.0.0/8', '::1'] }, ['ClientIP:10.0.0.0/8,::1']],
    ['headers as an object', { headers: { 'X-Env': 'qas', 'X-Zone': 'b' } }, ['Headers:X-Env,qas,X-Zone,b']],
    ['several matchers, in the order of names', { path: '/c', host: 'a.b' }, ['Host:a.b', 'Path:/c']],
  ])('understands %s', (_what, spec, terms) => {
    const parsed = termsOfSpec(spec, NAMES)
    expect(parsed.problems).toEqual([])
    expect(shortOf(parsed.terms)).toEqual(terms)
  })

  it.each(['clientIp', 'clientIP', 'ClientIP', 'clientip'])('knows the key %s for ClientIP', (key) => {
    expect(termsOfSpec({ [key]: '::1' } as RuleSpec, NAMES).terms.map(({ matcher }) => matcher)).toEqual([
      'ClientIP',
    ])
  })

  it('keeps a key that it does not know, for whoever knows the matchers to refuse', () => {
    expect(termsOfSpec({ hots: 'a.b' } as RuleSpec, NAMES).terms[0]?.matcher).toBe('hots')
  })

  it.each([
    ['a comma', 'a,b'],
    ['a semicolon', 'a;b'],
    ['a blank before it', ' a'],
    ['a blank behind it', 'a\t'],
    ['nothing in it', ''],
  ])('refuses a value with %s, which no rule text could hold', (_what, value) => {
    const { problems } = termsOfSpec({ headers: { 'X-Env': value } }, NAMES)
    expect(problems).toEqual([
      { code: 'INVALID_RULE', message: expect.stringMatching(/^headers: ".*" cannot stand in a rule/) },
    ])
  })

  it.each<[string, unknown]>([
    ['a number', 80],
    ['null', null],
    ['true', true],
    ['a list of numbers', [80]],
    ['a list in a list', [['a.b']]],
    ['an object, but for headers', { 'a.b': 'c.d' }],
  ])('refuses %s where texts are expected', (_what, given) => {
    const { terms, problems } = termsOfSpec({ host: given } as RuleSpec, NAMES)
    expect(terms).toEqual([])
    expect(problems).toEqual([
      {
        code: 'INVALID_RULE',
        message: 'host: expected a text, a list of texts, or (for headers) an object of texts',
      },
    ])
  })

  it('refuses headers whose values are no texts', () => {
    expect(termsOfSpec({ headers: { 'X-Env': 1 } } as unknown as RuleSpec, NAMES).problems).toHaveLength(1)
  })

  it('refuses a rule without a matcher', () => {
    for (const empty of [{}, { host: undefined }]) {
      expect(termsOfSpec(empty as RuleSpec, NAMES).problems).toEqual([
        {
          code: 'INVALID_RULE',
          message: expect.stringMatching(/^the rule is empty; expected at least one matcher/),
        },
      ])
    }
  })
})

describe('the canonical text of a rule', () => {
  const word = fc.stringMatching(/^[a-z0-9]{1,5}$/)
  const host = fc.array(word, { minLength: 1, maxLength: 3 }).map((labels) => labels.join('.'))
  const path = fc.array(word, { maxLength: 3 }).map((segments) => `/${segments.join('/')}`)
  const someOf = (value: fc.Arbitrary<string>) =>
    fc.oneof(value, fc.array(value, { minLength: 1, maxLength: 3 }))
  const spec = fc
    .record(
      {
        host: someOf(host),
        path: someOf(path),
        pathPrefix: someOf(path),
        method: someOf(fc.constantFrom('GET', 'post', 'PURGE')),
        headers: fc.dictionary(word, fc.stringMatching(/^[!-+.-:<-~]([ -+.-:<-~]{0,6}[!-+.-:<-~])?$/), {
          minKeys: 1,
          maxKeys: 3,
        }),
        clientIp: someOf(fc.oneof(fc.ipV4(), fc.ipV6(), fc.constant('10.0.0.0/8'), fc.constant('::1/128'))),
      },
      { requiredKeys: [] },
    )
    .filter((sample) => Object.keys(sample).length > 0)

  it('parses to itself', () => {
    fc.assert(
      fc.property(spec, (rule) => {
        const text = formatRule(rule)
        expect(formatRule(text)).toBe(text)
        expect(textOfTerms(parseRule(text).terms)).toBe(text)
        expect(textOfTerms(termsOfSpec(rule, NAMES).terms)).toBe(text)
      }),
      { numRuns: 500 },
    )
  })

  it('does not depend on the order of the keys of a data rule', () => {
    fc.assert(
      fc.property(spec, (rule) => {
        expect(formatRule(Object.fromEntries(Object.entries(rule).reverse()))).toBe(formatRule(rule))
      }),
    )
  })
})

it('refuses a matcher that a data rule gives twice, in two spellings', () => {
  const { problems } = termsOfSpec({ host: 'a.test', Host: 'b.test' } as RuleSpec, NAMES)
  expect(problems).toEqual([{ code: 'INVALID_RULE', message: 'Host: this matcher is given twice' }])
})
