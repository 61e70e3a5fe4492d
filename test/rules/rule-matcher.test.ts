import { describe, expect, it } from 'vitest'
import type { RuleSpec } from '../../src/model/config.js'
import { ProxyError } from '../../src/model/errors.js'
import type { MatcherFactory, RequestFacts } from '../../src/model/request-facts.js'
import { LATER_MATCHERS, matcherTable } from '../../src/rules/matchers.js'
import { compileRule, formatRule, RuleMatcher } from '../../src/rules/rule-matcher.js'
import { factsOf } from './facts-of.js'

const Tenant: MatcherFactory = (values) => (facts) => values.includes(String(facts.headers['x-tenant']))

/** What is wrong with a rule, as thrown. */
function issuesOf(rule: string | RuleSpec, matchers: Readonly<Record<string, MatcherFactory>> = {}) {
  try {
    new RuleMatcher(rule, { matchers })
  } catch (error) {
    expect(error).toBeInstanceOf(ProxyError)
    expect(error).toMatchObject({ code: 'PROXY_RULE_INVALID', source: 'config' })
    return (error as ProxyError).issues
  }
  return []
}

describe('RuleMatcher', () => {
  it.each<[string | RuleSpec, Partial<RequestFacts>, boolean]>([
    ['Host:www.baidu.com;ClientIP:10.1.1.0/24', { host: 'www.baidu.com', clientAddress: '10.1.1.9' }, true],
    ['Host:www.baidu.com;ClientIP:10.1.1.0/24', { host: 'www.baidu.com', clientAddress: '10.1.2.9' }, false],
    ['Host:www.baidu.com;ClientIP:10.1.1.0/24', { host: 'map.baidu.com', clientAddress: '10.1.1.9' }, false],
    ['Host: A.test , b.test ; Method: get', { host: 'b.test' }, true],
    ['ClientIP:::1/128', { clientAddress: '::1' }, true],
    ['ClientIP:::1/128', { clientAddress: '::2' }, false],
    ['Headers:X-Env,qas,X-Zone,b', { headers: { 'x-env': 'qas', 'x-zone': 'b' } }, true],
    ['Headers:X-Env,qas;Headers:X-Zone,b', { headers: { 'x-env': 'qas', 'x-zone': 'c' } }, false],
    ['PathPrefix:/api;Path:/api/v1', { path: '/api/v1' }, true],
    [
      { host: 'www.baidu.com', clientIp: ['10.1.1.0/24', '::1'] },
      { host: 'www.baidu.com', clientAddress: '::1' },
      true,
    ],
    [
      { host: 'www.baidu.com', clientIp: '10.1.1.0/24' },
      { host: 'www.baidu.com', clientAddress: '::1' },
      false,
    ],
    [{ headers: { 'X-Env': 'qas' }, method: ['GET', 'HEAD'] }, { headers: { 'x-env': 'qas' } }, true],
    [{ path: '/a', pathPrefix: ['/b', '/a'] }, { path: '/a' }, true],
  ])('%j for %j: %s', (rule, facts, expected) => {
    expect(new RuleMatcher(rule).matches(factsOf(facts))).toBe(expected)
  })

  it('answers the same for a rule as text and as data', () => {
    const text = new RuleMatcher('ClientIP:10.0.0.0/8;Host:a.test')
    const data = new RuleMatcher({ clientIp: '10.0.0.0/8', host: 'a.test' })
    for (const host of ['a.test', 'b.test']) {
      for (const clientAddress of ['10.0.0.1', '11.0.0.1']) {
        const facts = factsOf({ host, clientAddress })
        expect(text.matches(facts)).toBe(data.matches(facts))
      }
    }
  })

  it.each<[string, string | RuleSpec, { code: string; message: string }[]]>([
    [
      'a range',
      'Host:a.test;ClientIP:10.0.0.1, 10.0.0.0/33',
      [{ code: 'INVALID_RANGE', message: 'at position 32: ClientIP: "10.0.0.0/33" is no address range' }],
    ],
    [
      'two values of one matcher',
      'Host:a b,c.test,*.d',
      [
        { code: 'INVALID_RULE', message: 'at position 6: Host: "a b" is no host name' },
        { code: 'INVALID_RULE', message: 'at position 17: Host: "*.d" is no host name' },
      ],
    ],
    [
      'several matchers at once',
      'Hots:a;Path:b;nonsense',
      [
        { code: 'INVALID_RULE', message: 'at position 15: expected a matcher\'s name, ":" and values' },
        {
          code: 'INVALID_RULE',
          message: 'at position 1: there is no matcher "Hots"; the nearest known one is "Host"',
        },
        { code: 'INVALID_RULE', message: 'at position 13: Path: "b" can never match' },
      ],
    ],
    [
      'a matcher without a value',
      'Host: ,',
      [{ code: 'INVALID_RULE', message: 'at position 1: Host has no value; expected at least one' }],
    ],
    ['nothing', '', [{ code: 'INVALID_RULE', message: 'at position 1: the rule is empty' }]],
    [
      'a matcher in other letters',
      'clientip:10.0.0.1',
      [
        {
          code: 'INVALID_RULE',
          message: 'there is no matcher "clientip"; the nearest known one is "ClientIP"',
        },
      ],
    ],
    [
      'a name that is inherited',
      'constructor:a',
      [{ code: 'INVALID_RULE', message: 'there is no matcher "constructor"' }],
    ],
    [
      'headers that are no pairs',
      'Headers:X-Env',
      [{ code: 'INVALID_RULE', message: 'at position 1: Headers: expected names and values in turn' }],
    ],
    [
      'data of many faults',
      { hots: 'a', host: 'a b', clientIp: ['1/8', '::1/129'] } as RuleSpec,
      [
        { code: 'INVALID_RULE', message: 'there is no matcher "hots"; the nearest known one is "Host"' },
        { code: 'INVALID_RULE', message: 'Host: "a b" is no host name' },
        { code: 'INVALID_RANGE', message: 'ClientIP: "1/8" is no address range' },
        { code: 'INVALID_RANGE', message: 'ClientIP: "::1/129" is no address range' },
      ],
    ],
  ])('throws with an issue for everything that is wrong with %s', (_what, rule, expected) => {
    const issues = issuesOf(rule)
    expect(issues.map(({ code }) => code).toSorted()).toEqual(expected.map(({ code }) => code).toSorted())
    for (const { code, message } of expected) {
      expect(issues).toContainEqual({ path: '', code, message: expect.stringContaining(message) })
    }
  })

  it.each(LATER_MATCHERS)('says that %s is not supported yet, in text and data', (name) => {
    const expected = [
      {
        path: '',
        code: 'NOT_SUPPORTED',
        message: expect.stringMatching(new RegExp(`the matcher ${name} of Traefik is not supported yet$`)),
      },
    ]
    expect(issuesOf(`${name}:/a`)).toEqual(expected)
    expect(issuesOf({ [name[0]?.toLowerCase() + name.slice(1)]: '/a' } as RuleSpec)).toEqual(expected)
    expect(issuesOf({ [name]: { a: 'b' } } as RuleSpec)).toEqual(expected)
  })

  it("says that Traefik 3's form is not supported yet", () => {
    expect(issuesOf('Host(`a.test`)')).toEqual([
      { path: '', code: 'NOT_SUPPORTED', message: expect.stringContaining("this is Traefik 3's form") },
    ])
  })

  it('shows the rule and every reason in the message', () => {
    const attempt = () => new RuleMatcher({ host: 'a b', path: 'c' })
    expect(attempt).toThrow(/^rule ".*a b.*": Host: .* is no host name.*; Path: "c" can never match/)
  })
})

describe('explain', () => {
  it('gives the answer of every matcher, in order, beyond the first that refuses', () => {
    const matcher = new RuleMatcher('Host: a.test ;Path:/x,/y;ClientIP:10.0.0.0/8')
    expect(matcher.explain(factsOf({ host: 'a.test', path: '/z', clientAddress: '10.1.1.1' }))).toEqual({
      matches: false,
      rule: 'Host:a.test;Path:/x,/y;ClientIP:10.0.0.0/8',
      matchers: [
        { matcher: 'Host', values: ['a.test'], matches: true },
        { matcher: 'Path', values: ['/x', '/y'], matches: false },
        { matcher: 'ClientIP', values: ['10.0.0.0/8'], matches: true },
      ],
    })
  })

  it('agrees with matches', () => {
    const matcher = new RuleMatcher('Host:a.test')
    expect(matcher.explain(factsOf({ host: 'a.test' })).matches).toBe(true)
    expect(matcher.explain(factsOf({ host: 'b.test' })).matches).toBe(false)
  })
})

describe("the host's own matchers", () => {
  it.each<[string, string | RuleSpec]>([
    ['text', 'Host:www.example.com;Tenant:acme,zorg'],
    ['data', { host: 'www.example.com', tenant: ['acme', 'zorg'] } as RuleSpec],
  ])('work in rules given as %s', (_form, rule) => {
    const matcher = new RuleMatcher(rule, { matchers: { Tenant } })
    expect(matcher.matches(factsOf({ headers: { 'x-tenant': 'zorg' } }))).toBe(true)
    expect(matcher.matches(factsOf({ headers: { 'x-tenant': 'evil' } }))).toBe(false)
    expect(matcher.rule).toBe('Host:www.example.com;Tenant:acme,zorg')
  })

  it('are unknown where they are not given, and named as nearest where they are', () => {
    expect(issuesOf('Tenant:acme')).toMatchObject([
      { message: 'at position 1: there is no matcher "Tenant"' },
    ])
    expect(issuesOf('Tennant:acme', { Tenant })).toMatchObject([
      { message: 'at position 1: there is no matcher "Tennant"; the nearest known one is "Tenant"' },
    ])
  })

  it('say by throwing that a value cannot be used', () => {
    const strict: MatcherFactory = () => {
      throw new Error('no such tenant')
    }
    expect(issuesOf('Host:a.test;Tenant:nobody', { Tenant: strict })).toEqual([
      { path: '', code: 'INVALID_RULE', message: 'at position 13: Tenant: no such tenant' },
    ])
  })

  it.each([
    ['a text', 'nobody'],
    ['nothing', undefined],
  ])('may even throw %s', (_what, thrown) => {
    const odd: MatcherFactory = () => {
      throw thrown
    }
    expect(issuesOf('Tenant:x', { Tenant: odd })).toEqual([
      { path: '', code: 'INVALID_RULE', message: `at position 1: Tenant: ${thrown}` },
    ])
  })

  it('may not take the name of ours', () => {
    expect(() => new RuleMatcher('Host:a.test', { matchers: { Host: Tenant } })).toThrow(
      expect.objectContaining({ code: 'PROXY_OPTION_INVALID' }),
    )
  })
})

describe('formatRule', () => {
  it.each<[string | RuleSpec, string]>([
    [' Host : a.test,, b.test ;; Path:/x ', 'Host:a.test,b.test;Path:/x'],
    ['Path:/x;Host:a.test', 'Path:/x;Host:a.test'],
    [{ clientIp: '::1', host: ['a.test', 'b.test'] }, 'Host:a.test,b.test;ClientIP:::1'],
    [{ headers: { 'X-Env': 'a:b' } }, 'Headers:X-Env,a:b'],
  ])('writes %j as %s', (rule, text) => {
    expect(formatRule(rule)).toBe(text)
  })

  it('throws for a rule that is wrong', () => {
    expect(() => formatRule('Hots:a')).toThrow(ProxyError)
  })
})

describe('compileRule', () => {
  it('compiles what is right beside what is wrong', () => {
    const { terms, issues } = compileRule('Host:a.test;Hots:b', matcherTable())
    expect(terms.map(({ matcher }) => matcher)).toEqual(['Host'])
    expect(issues).toHaveLength(1)
  })
})

describe("a host's matcher", () => {
  it('that compiles to no function is refused: dropped, it would let every request through', () => {
    const matchers = { Tenant: (() => undefined) as never }
    expect(() => new RuleMatcher('Tenant:a', { matchers })).toThrow(/did not compile to a function/)
  })

  it('that answers with a promise never holds', () => {
    const matchers = { Tenant: () => (async () => true) as never }
    const rule = new RuleMatcher('Tenant:a', { matchers })
    expect(rule.matches(factsOf())).toBe(false)
    expect(rule.explain(factsOf()).matches).toBe(false)
  })

  it.each([[undefined], [null], [5], [[]]])('is not asked about a rule that is none: %j', (rule) => {
    expect(() => new RuleMatcher(rule as never)).toThrow(/expected a rule as text or data/)
  })
})
