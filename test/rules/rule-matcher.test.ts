import { describe, expect, it } from 'vitest'
import type { RuleSpec } from '../../src/model/config.js'
import { ProxyError } from '../../src/model/errors.js'
import type { RequestFacts } from '../../src/model/request-facts.js'
import { formatRule, RuleMatcher } from '../../src/rules/rule-matcher.js'
import { factsOf } from '../support/facts-of.js'
import { issuesOf } from '../support/issues-of.js'

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
    ['Query:a=b,c=d', { query: 'c=d&a=b' }, true],
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
    [{ any: [{ path: '/a' }, { path: '/b', method: 'PUT' }] }, { path: '/a' }, true],
    [{ any: [{ path: '/a' }, { path: '/b', method: 'PUT' }] }, { path: '/b' }, false],
    [{ not: { path: ['/a', '/b'] } }, { path: '/b' }, false],
    [{ not: { path: '/a', method: 'PUT' } }, { path: '/a' }, true],
    [{ host: 'www.example.com', not: { not: { path: '/' } } }, {}, true],
    ['Host(`www.baidu.com`) && ClientIP(`10.1.1.0/24`)', { host: 'www.baidu.com' }, false],
    ['Host(`a.test`) || Path(`/`) && !Method(`PUT`)', {}, true],
    ['(Host(`a.test`) || Path(`/`)) && Method(`PUT`)', {}, false],
  ])('%j for %j: %s', (rule, facts, expected) => {
    expect(new RuleMatcher(rule).matches(factsOf(facts))).toBe(expected)
  })

  it.each<[string, (string | RuleSpec)[]]>([
    [
      'and',
      [
        'ClientIP:10.0.0.0/8;Host:a.test',
        'ClientIP(`10.0.0.0/8`) && Host(`a.test`)',
        { clientIp: '10.0.0.0/8', host: 'a.test' },
      ],
    ],
    [
      'several values',
      [
        'Host:a.test,c.test',
        'Host(`a.test`) || Host(`c.test`)',
        { any: [{ host: 'a.test' }, { host: 'c.test' }] },
      ],
    ],
    ['not', ['!Host(`a.test`)', { not: { host: 'a.test' } }]],
  ])('answers the same for %s in every form', (_what, rules) => {
    const matchers = rules.map((rule) => new RuleMatcher(rule))
    const answers = new Set<string>()
    for (const host of ['a.test', 'b.test', 'c.test']) {
      for (const clientAddress of ['10.0.0.1', '11.0.0.1']) {
        const all = matchers.map((matcher) => matcher.matches(factsOf({ host, clientAddress })))
        expect(new Set(all).size).toBe(1)
        answers.add(String(all[0]))
      }
    }
    expect(answers.size).toBe(2)
  })

  it.each<[string, string | RuleSpec, { code: string; message: string }[]]>([
    [
      'a range',
      'Host:a.test;ClientIP:10.0.0.1, 10.0.0.0/33',
      [{ code: 'INVALID_RANGE', message: 'at position 32: ClientIP: "10.0.0.0/33" is not an address range' }],
    ],
    [
      "a range in Traefik 3's form",
      '!ClientIP(`10.0.0.0/33`)',
      [{ code: 'INVALID_RANGE', message: 'at position 11: ClientIP: "10.0.0.0/33" is not an address range' }],
    ],
    [
      'two values of one matcher',
      'Host:a b,c.test,*.*',
      [
        { code: 'INVALID_RULE', message: 'at position 6: Host: "a b" is not a host name' },
        { code: 'INVALID_RULE', message: 'at position 17: Host: "*.*" is not a host name' },
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
    ['nothing', '', [{ code: 'INVALID_RULE', message: 'at position 1: the rule is empty' }]],
    [
      'headers that are no pairs',
      'Headers:X-Env',
      [{ code: 'INVALID_RULE', message: 'at position 1: Headers: expected pairs of a name and a value' }],
    ],
    [
      'data of many faults',
      { hots: 'a', host: 'a b', clientIp: ['1/8', '::1/129'] } as RuleSpec,
      [
        { code: 'INVALID_RULE', message: 'there is no matcher "hots"; the nearest known one is "Host"' },
        { code: 'INVALID_RULE', message: 'Host: "a b" is not a host name' },
        { code: 'INVALID_RANGE', message: 'ClientIP: "1/8" is not an address range' },
        { code: 'INVALID_RANGE', message: 'ClientIP: "::1/129" is not an address range' },
      ],
    ],
  ])('throws with an issue for everything that is wrong with %s', (_what, rule, expected) => {
    const issues = issuesOf(rule)
    expect(issues.map(({ code }) => code).toSorted()).toEqual(expected.map(({ code }) => code).toSorted())
    for (const { code, message } of expected) {
      expect(issues).toContainEqual({ path: '', code, message: expect.stringContaining(message) })
    }
  })

  it('shows the rule and every reason in the message', () => {
    const attempt = () => new RuleMatcher({ host: 'a b', path: 'c' })
    expect(attempt).toThrow(/^rule ".*a b.*": Host: .* is not a host name.*; Path: "c" can never match/)
  })

  it('refuses data that holds itself as it refuses any other', () => {
    const rule: Record<string, unknown> = { host: 'a.test' }
    rule['not'] = rule
    expect(issuesOf(rule as RuleSpec)).toMatchObject([
      { message: expect.stringMatching(/nested deeper than 100 levels$/) },
    ])
  })

  it.each([[undefined], [null], [5], [[]]])('is not asked about a rule that is none: %j', (rule) => {
    expect(() => new RuleMatcher(rule as never)).toThrow(/expected a rule as text or data/)
  })

  it('takes the other slash form where slashes are not kept, but not for Traefik 3', () => {
    const asks = (rule: string | RuleSpec, keepTrailingSlash?: boolean) =>
      new RuleMatcher(rule, keepTrailingSlash === undefined ? {} : { keepTrailingSlash }).matches(
        factsOf({ path: '/a/' }),
      )
    expect(['Path:/a', { path: '/a' }].map((rule) => asks(rule))).toEqual([false, false])
    expect(['Path:/a', { path: '/a' }, 'Path(`/a`)'].map((rule) => asks(rule, false))).toEqual([
      ...[true, true, false],
    ])
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
      text: [
        'does not hold: Host:a.test;Path:/x,/y;ClientIP:10.0.0.0/8',
        '  yes: Host:a.test',
        '  no: Path:/x,/y',
        '  yes: ClientIP:10.0.0.0/8',
      ].join('\n'),
    })
  })

  it("gives, in Traefik 3's form, the answers of alternatives and of what is under not", () => {
    const matcher = new RuleMatcher('(Host(`a.test`) || header("X-Env", "qas")) && !Path(`/z`)')
    expect(matcher.explain(factsOf({ host: 'a.test', path: '/' }))).toEqual({
      matches: true,
      rule: '(Host(`a.test`) || Header(`X-Env`, `qas`)) && !Path(`/z`)',
      matchers: [
        { matcher: 'Host', values: ['a.test'], matches: true },
        { matcher: 'Headers', values: ['X-Env', 'qas'], matches: false },
        { matcher: 'Path', values: ['/z'], matches: false },
      ],
      text: [
        'holds: (Host(`a.test`) || Header(`X-Env`, `qas`)) && !Path(`/z`)',
        '  yes: Host(`a.test`)',
        '  no: Header(`X-Env`, `qas`)',
        '  no: Path(`/z`)',
      ].join('\n'),
    })
  })

  it('shows data in the form that its rule is shown in', () => {
    const text = (rule: RuleSpec) => new RuleMatcher(rule).explain(factsOf()).text
    expect(text({ host: ['a.test', 'b.test'] })).toBe(
      'does not hold: Host:a.test,b.test\n  no: Host:a.test,b.test',
    )
    expect(text({ not: { host: ['a.test', 'b.test'] } })).toBe(
      'holds: !(Host(`a.test`) || Host(`b.test`))\n  no: Host(`a.test`) || Host(`b.test`)',
    )
  })

  it('agrees with matches', () => {
    const matcher = new RuleMatcher('Host:a.test')
    expect(matcher.explain(factsOf({ host: 'a.test' })).matches).toBe(true)
    expect(matcher.explain(factsOf({ host: 'b.test' })).matches).toBe(false)
  })
})

describe('formatRule', () => {
  it('throws for a rule that is wrong', () => {
    expect(() => formatRule('Hots:a')).toThrow(ProxyError)
    expect(() => formatRule('Hots(`a`)')).toThrow(ProxyError)
    expect(() => formatRule({})).toThrow(ProxyError)
  })
})

describe('a client without an address', () => {
  it('makes an answer unknown, which explain tells apart from no', () => {
    const matcher = new RuleMatcher('Host(`www.example.com`) && !ClientIP(`10.0.0.0/8`)')
    expect(matcher.matches(factsOf({ clientAddress: '' }))).toBe(false)
    expect(matcher.explain(factsOf({ clientAddress: '' }))).toEqual({
      matches: false,
      unknown: true,
      rule: matcher.rule,
      matchers: [
        { matcher: 'Host', values: ['www.example.com'], matches: true },
        { matcher: 'ClientIP', values: ['10.0.0.0/8'], matches: false, unknown: true },
      ],
      text: [
        `does not hold, because it is unknown: ${matcher.rule}`,
        '  yes: Host(`www.example.com`)',
        '  unknown: ClientIP(`10.0.0.0/8`)',
      ].join('\n'),
    })
  })
})
