import { describe, expect, it } from 'vitest'
import type { RuleSpec } from '../../src/model/config.js'
import { matcherTable } from '../../src/rules/matchers.js'
import { ruleOfSpec } from '../../src/rules/rule-of-spec.js'
import { showRule } from '../support/show-tree.js'

const OURS = matcherTable()

function show(spec: unknown): string {
  return showRule(ruleOfSpec(spec as RuleSpec, OURS))
}

function problemsOf(spec: unknown) {
  return ruleOfSpec(spec as RuleSpec, OURS).problems
}

/** A rule within `not` so many times over. */
function nested(depth: number): RuleSpec {
  let spec: RuleSpec = { host: 'a.b' }
  for (let level = 0; level < depth; level++) spec = { not: spec }
  return spec
}

describe('ruleOfSpec', () => {
  it.each<[string, RuleSpec, string]>([
    ['a text', { host: 'a.b' }, 'Host[a.b]'],
    ['a list of texts', { clientIp: ['10.0.0.0/8', '::1'] }, 'ClientIP[10.0.0.0/8|::1]'],
    ['headers as an object', { headers: { 'X-Env': 'qas', 'X-Zone': 'b' } }, 'Headers[X-Env|qas|X-Zone|b]'],
    ['a query as an object', { query: { env: 'qas', debug: '' } }, 'Query[env|qas|debug|]'],
    [
      'expressions as objects',
      { headersRegexp: { a: '^b' }, queryRegexp: { c: 'd$' } },
      '(HeadersRegexp[a|^b] & QueryRegexp[c|d$])',
    ],
    ['several matchers, in the order of the table', { path: '/c', host: 'a.b' }, '(Host[a.b] & Path[/c])'],
    ['a key that is undefined as none', { host: 'a.b', path: undefined } as never, 'Host[a.b]'],
    ['any', { any: [{ host: 'a.b' }, { path: '/c' }] }, '(Host[a.b] / Path[/c])'],
    ['any of one', { any: [{ host: 'a.b' }] }, 'Host[a.b]'],
    ['not', { not: { host: 'a.b' } }, '!Host[a.b]'],
    ['not of several', { not: { path: '/c', host: 'a.b' } }, '!(Host[a.b] & Path[/c])'],
    ['not of not', { not: { not: { host: 'a.b' } } }, '!!Host[a.b]'],
    [
      'matchers beside any and not, which come last as they are written',
      { not: { method: 'PUT' }, any: [{ path: '/c' }, { path: '/d' }], host: 'a.b' },
      '(Host[a.b] & !Method[PUT] & (Path[/c] / Path[/d]))',
    ],
    [
      'any within any, and not within that',
      { any: [{ any: [{ host: 'a' }, { host: 'b' }] }, { not: { host: 'c' }, path: '/' }] },
      '((Host[a] / Host[b]) / (Path[/] & !Host[c]))',
    ],
    ['values that only Traefik 3 can write', { headers: { 'X-Env': ' a,b;c ' } }, 'Headers[X-Env| a,b;c ]'],
  ])('understands %s', (_what, spec, tree) => {
    expect(show(spec)).toBe(tree)
  })

  it.each(['clientIp', 'clientIP', 'ClientIP', 'clientip'])('knows the key %s for ClientIP', (key) => {
    expect(show({ [key]: '::1' })).toBe('ClientIP[::1]')
  })

  it('keeps a key that it does not know, for whoever knows the matchers to refuse', () => {
    expect(show({ hots: 'a.b' })).toBe('hots[a.b]')
    expect(show({ hots: { a: 'b' } })).toBe('hots[a|b]')
    expect(show({ host: 'a.b', toString: 'x' })).toBe('(toString[x] & Host[a.b])')
  })

  it.each<[string, unknown]>([
    ['a number', 80],
    ['null', null],
    ['true', true],
    ['a list of numbers', [80]],
    ['a list in a list', [['a.b']]],
    ['an object, but for headers', { 'a.b': 'c.d' }],
  ])('refuses %s where texts are expected', (_what, given) => {
    expect(ruleOfSpec({ host: given } as RuleSpec, OURS)).toEqual({
      form: 'data',
      problems: [
        {
          code: 'INVALID_RULE',
          message: 'host: expected a text, a list of texts, or (for headers and queries) an object of texts',
        },
      ],
    })
  })

  it.each(['headers', 'headersRegexp', 'query', 'queryRegexp'])(
    'refuses %s whose values are no texts',
    (key) => {
      expect(problemsOf({ [key]: { 'X-Env': 1 } })).toHaveLength(1)
      expect(problemsOf({ [key]: { 'X-Env': ['qas'] } })).toHaveLength(1)
    },
  )

  it.each<[string, unknown, string]>([
    ['any of no list', { any: { host: 'a' } }, 'any: expected a list of rules as data'],
    ['any of nothing', { any: [] }, 'any: expected a list of rules as data'],
    ['any of texts', { any: ['Host:a'] }, 'any: expected a list of rules as data'],
    ['any of lists', { any: [[{ host: 'a' }]] }, 'any: expected a list of rules as data'],
    ['any that is null', { any: null }, 'any: expected a list of rules as data'],
    ['not of a text', { not: 'Host:a' }, 'not: expected a rule as data'],
    ['not of a list', { not: [{ host: 'a' }] }, 'not: expected a rule as data'],
    ['not of null', { not: null }, 'not: expected a rule as data'],
    [
      'an empty rule within not',
      { not: {} },
      "not: the rule is empty; expected at least one matcher, like { host: 'a.b' }",
    ],
    [
      'an empty rule within any',
      { any: [{ host: 'a' }, {}] },
      "any[1]: the rule is empty; expected at least one matcher, like { host: 'a.b' }",
    ],
    [
      'a number deep within',
      { any: [{ host: 'a' }, { not: { path: 5 } }] },
      'any[1].not.path: expected a text, a list of texts, or (for headers and queries) an object of texts',
    ],
    [
      'a list deep within',
      { not: { any: [{ any: 'x' }] } },
      'not.any[0].any: expected a list of rules as data',
    ],
    ['a matcher twice', { host: 'a.test', Host: 'b.test' }, 'Host: this matcher is given twice'],
    ['a matcher twice, within', { not: { host: 'a', HOST: 'b' } }, 'not.HOST: this matcher is given twice'],
  ])('refuses %s, and says where', (_what, spec, message) => {
    expect(problemsOf(spec)).toEqual([{ code: 'INVALID_RULE', message }])
  })

  it('reports everything at once', () => {
    expect(problemsOf({ host: 1, any: [{ path: 2 }, {}], not: 3 }).map(({ message }) => message)).toEqual([
      expect.stringMatching(/^host: /),
      expect.stringMatching(/^any\[0\]\.path: /),
      expect.stringMatching(/^not: /),
    ])
  })

  it('refuses a rule without a matcher', () => {
    for (const empty of [{}, { host: undefined }, { any: undefined, not: undefined }]) {
      expect(ruleOfSpec(empty as never, OURS)).toEqual({
        form: 'data',
        problems: [
          {
            code: 'INVALID_RULE',
            message: "the rule is empty; expected at least one matcher, like { host: 'a.b' }",
          },
        ],
      })
    }
  })

  it('may be nested to a depth of 100, and refuses what is deeper', () => {
    expect(problemsOf(nested(100))).toEqual([])
    const problems = problemsOf(nested(101))
    expect(problems).toHaveLength(1)
    expect(problems[0]?.message).toMatch(/^not\.not\..*not: the rule is nested deeper than 100 levels$/)
  })

  it('refuses a rule that holds itself', () => {
    const spec: Record<string, unknown> = { host: 'a.b' }
    spec['not'] = spec
    expect(problemsOf(spec)).toEqual([
      { code: 'INVALID_RULE', message: expect.stringMatching(/nested deeper than 100 levels$/) },
    ])
  })

  it('sees only what the rule says itself', () => {
    expect(problemsOf(Object.create({ host: 'a.b' }))).toHaveLength(1)
    expect(show(JSON.parse('{"host":"a.b","__proto__":"x"}'))).toBe('(__proto__[x] & Host[a.b])')
  })
})
