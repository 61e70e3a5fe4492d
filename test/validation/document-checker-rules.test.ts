import { describe, expect, it } from 'vitest'
import type { IssueCode } from '../../src/model/errors.js'
import { checkFrontend, frontendWith } from '../support/check-document.js'

describe('the rule of a frontend', () => {
  it('may have routes instead of a rule', () => {
    const { frontend, issues } = checkFrontend({
      backend: 'pool',
      routes: { one: { rule: 'Host:a.test' }, two: { rule: { path: '/' } } },
    })
    expect(issues).toEqual([])
    expect(frontend.routes).toEqual({ one: { rule: 'Host:a.test' }, two: { rule: { path: '/' } } })
    expect(Object.getPrototypeOf(frontend.routes)).toBeNull()
  })

  it.each<[string, unknown, string, IssueCode, string | RegExp]>([
    [
      'has neither rule nor routes',
      { backend: 'pool' },
      '',
      'MISSING_RULE',
      /^expected a rule, or routes with at least one entry/,
    ],
    [
      'has routes without a route',
      { backend: 'pool', routes: {} },
      '',
      'MISSING_RULE',
      /^expected a rule, or routes with at least one entry/,
    ],
    [
      'has both rule and routes',
      frontendWith({ routes: { r: { rule: 'Path:/' } } }),
      '',
      'INVALID_VALUE',
      'expected either rule or routes, found both',
    ],
    [
      'has a rule that is a number',
      frontendWith({ rule: 5 }),
      '.rule',
      'INVALID_TYPE',
      'expected a rule as text or data, found number 5',
    ],
    [
      'has a rule that is null',
      frontendWith({ rule: null }),
      '',
      'MISSING_RULE',
      'expected a rule, or routes with at least one entry: a frontend without a rule would take every request',
    ],
    [
      'has a rule that is a list',
      frontendWith({ rule: ['Host:a'] }),
      '.rule',
      'INVALID_TYPE',
      'expected a rule as text or data, found a list',
    ],
    [
      'has an empty rule',
      frontendWith({ rule: ' ' }),
      '.rule',
      'INVALID_RULE',
      /^at position 1: the rule is empty/,
    ],
    ['has an empty data rule', frontendWith({ rule: {} }), '.rule', 'INVALID_RULE', /^the rule is empty/],
    [
      'has a rule that does not parse',
      frontendWith({ rule: 'Path:/;oops' }),
      '.rule',
      'INVALID_RULE',
      /^at position 8: expected a matcher's name, ":" and values, like Host:a.b, found "oops"$/,
    ],
    [
      'has a range that does not parse',
      frontendWith({ rule: 'Host:a;ClientIP:10.0.0.0/33' }),
      '.rule',
      'INVALID_RANGE',
      /^at position 17: ClientIP: "10.0.0.0\/33" is not an address range: expected a prefix length from 0 to 32/,
    ],
    [
      'has a range in a data rule that does not parse',
      frontendWith({ rule: { clientIp: ['1/8'] } }),
      '.rule',
      'INVALID_RANGE',
      /^ClientIP: "1\/8" is not an address range: expected four numbers/,
    ],
    [
      'has a matcher misspelt',
      frontendWith({ rule: 'Hots:a' }),
      '.rule',
      'INVALID_RULE',
      'at position 1: there is no matcher "Hots"; the nearest known one is "Host"',
    ],
    [
      'has routes that are a list',
      { backend: 'pool', routes: ['Host:a'] },
      '.routes',
      'INVALID_TYPE',
      'expected an object with names as keys, found a list',
    ],
    [
      'has a route that is a text',
      { backend: 'pool', routes: { r: 'Host:a' } },
      '.routes.r',
      'INVALID_TYPE',
      'expected an object, found string "Host:a"',
    ],
    [
      'has a route without a rule',
      { backend: 'pool', routes: { r: {} } },
      '.routes.r.rule',
      'MISSING_RULE',
      'expected a rule, found nothing',
    ],
    [
      'has a route with a bad rule',
      { backend: 'pool', routes: { 'a b': { rule: 'Path:x' } } },
      '.routes["a b"].rule',
      'INVALID_RULE',
      /a path begins with "\/"/,
    ],
    [
      'has a route with a field too many',
      { backend: 'pool', routes: { r: { rule: 'Path:/', rul: '' } } },
      '.routes.r.rul',
      'UNKNOWN_FIELD',
      'there is no field "rul" here; the nearest known one is "rule"',
    ],
    [
      'has a route called __proto__',
      JSON.parse('{"backend":"pool","routes":{"__proto__":{"rule":"Host:a"}}}'),
      '.routes.__proto__',
      'INVALID_NAME',
      'the name "__proto__" is reserved',
    ],
  ])('is refused if the frontend %s', (_what, value, path, code, message) => {
    const expected = typeof message === 'string' ? message : expect.stringMatching(message)
    expect(checkFrontend(value).issues).toEqual([{ path: `frontends.web${path}`, code, message: expected }])
  })

  it('reports every fault of a rule on its own', () => {
    const { issues } = checkFrontend(frontendWith({ rule: 'Hots:a;ClientIP:1/8,::1/129;Path:x' }))
    expect(issues.map(({ code }) => code)).toEqual([
      'INVALID_RULE',
      'INVALID_RANGE',
      'INVALID_RANGE',
      'INVALID_RULE',
    ])
    expect(new Set(issues.map(({ path }) => path))).toEqual(new Set(['frontends.web.rule']))
  })

  it("may use the host's own matchers", () => {
    const rule = 'Host:a;Tenant:x'
    expect(checkFrontend(frontendWith({ rule }), { matchers: { Tenant: () => () => true } }).issues).toEqual(
      [],
    )
    expect(checkFrontend(frontendWith({ rule })).issues).toHaveLength(1)
  })

  it.each<[string, unknown]>([
    ["in Traefik 3's form", 'Host(`a.test`) && !(Path(`/x`) || ClientIP(`10.0.0.0/8`))'],
    ['with expressions', 'HostRegexp:{sub:[a-z]+}.a.test;HeadersRegexp:X-Env,^q'],
    ['with modifiers', 'PathPrefixStrip:/api;AddPrefix:/v1'],
    ['of data with any and not', { any: [{ host: 'a.test' }, { not: { path: ['/x'] } }] }],
    ['of data with objects', { headersRegexp: { 'X-Env': '^q' }, query: { k: '' } }],
  ])('may have a rule %s, which is copied', (_what, rule) => {
    const { frontend, issues } = checkFrontend(frontendWith({ rule }))
    expect(issues).toEqual([])
    expect(frontend.rule).toStrictEqual(rule)
    if (typeof rule === 'object') expect(frontend.rule).not.toBe(rule)
  })

  it.each<[string, unknown, RegExp]>([
    ["Traefik 3's form", 'Host(`a.test`', /^at position 14: expected "," or "\)", found the end/],
    ['data, deep within', { any: [{ host: 'a' }, { not: { path: 'x' } }] }, /^Path: "x" can never match/],
    ['data of a list', { any: { host: 'a' } }, /^any: expected a list of rules as data$/],
    ['an expression', 'HostRegexp(`(a`)', /^at position 12: HostRegexp: "\(a" is not a regular expression/],
  ])('is refused if its rule is wrong, in %s', (_what, rule, message) => {
    expect(checkFrontend(frontendWith({ rule })).issues).toEqual([
      { path: 'frontends.web.rule', code: 'INVALID_RULE', message: expect.stringMatching(message) },
    ])
  })
})
