import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Frontend, RuleSpec } from '../../src/model/config.js'
import { ProxyError } from '../../src/model/errors.js'
import type { MatcherFactory } from '../../src/model/request-facts.js'
import { Router } from '../../src/routing/router.js'
import { RuleMatcher } from '../../src/rules/rule-matcher.js'
import { factsOf } from '../support/facts-of.js'

function routerOf(frontends: Readonly<Record<string, Omit<Frontend, 'backend'>>>): Router {
  const whole = Object.entries(frontends).map(([name, frontend]) => [
    name,
    { backend: `${name}-pool`, ...frontend },
  ])
  return Router.compile({ frontends: Object.fromEntries(whole) })
}

describe('match', () => {
  const issue = routerOf({
    one: { rule: 'Host:www.baidu.com;ClientIP:10.1.1.0/24' },
    two: { rule: { host: 'www.baidu.com', clientIp: '10.1.2.0/24' } },
    map: { rule: 'Host:map.baidu.com' },
  })

  it.each([
    ['www.baidu.com', '10.1.1.77', 'one'],
    ['www.baidu.com', '10.1.2.77', 'two'],
    ['www.baidu.com', '::ffff:10.1.2.77', 'two'],
    ['www.baidu.com', '10.1.3.77', undefined],
    ['map.baidu.com', '203.0.113.5', 'map'],
    ['www.example.com', '10.1.1.77', undefined],
  ])('sends %s asked by %s to %s', (host, clientAddress, name) => {
    expect(issue.match(factsOf({ host, clientAddress }))?.name).toBe(name)
  })

  it('answers with the backend and the configuration of the frontend', () => {
    expect(issue.match(factsOf({ host: 'map.baidu.com' }))).toMatchObject({
      name: 'map',
      backend: 'map-pool',
      priority: 18,
      rule: 'Host:map.baidu.com',
      config: { rule: 'Host:map.baidu.com' },
    })
  })

  it.each<[string, Readonly<Record<string, Omit<Frontend, 'backend'>>>, string]>([
    ['the higher priority', { a: { rule: 'Path:/', priority: 1 }, b: { rule: 'Path:/', priority: 2 } }, 'b'],
    ['the longer rule', { a: { rule: 'PathPrefix:/' }, b: { rule: 'Host:www.example.com' } }, 'b'],
    ['a length over a lower priority', { a: { rule: 'Path:/', priority: 5 }, b: { rule: 'Path:/' } }, 'b'],
    ['a priority over a shorter length', { a: { rule: 'Path:/', priority: 7 }, b: { rule: 'Path:/' } }, 'a'],
    [
      'the first by name of equals',
      { b: { rule: 'Path:/' }, a: { rule: 'Path:/' }, c: { rule: 'Path:/' } },
      'a',
    ],
    [
      'the first by name of equal priorities',
      { z: { rule: 'Path:/', priority: 9 }, y: { rule: 'Host:www.example.com', priority: 9 } },
      'y',
    ],
    ['capitals before small letters', { a: { rule: 'Path:/' }, Z: { rule: 'Path:/' } }, 'Z'],
    [
      'the length instead of priority 0',
      { a: { rule: 'Path:/', priority: 0 }, b: { rule: 'Path:/', priority: 5 } },
      'a',
    ],
    [
      "a rule of any length over a negative priority of Traefik 3's form",
      { a: { rule: 'Path(`/`) && Method(`GET`)', priority: -9 }, b: { rule: 'Path:/' } },
      'b',
    ],
    [
      'the length instead of a negative priority',
      { a: { rule: 'Path:/', priority: -9 }, b: { rule: 'Path:/', priority: 5 } },
      'a',
    ],
    ['the text as written, blanks counted', { a: { rule: 'Path:/' }, b: { rule: 'Path:   /' } }, 'b'],
    [
      'a data rule by its canonical text',
      { a: { rule: 'Path: /' }, b: { rule: { path: '/', method: 'GET' } } },
      'b',
    ],
    [
      'routes by the sum of their lengths',
      {
        a: { rule: 'Host:www.example.com' },
        b: { routes: { one: { rule: 'PathPrefix:/' }, two: { rule: 'Method:GET' } } },
      },
      'b',
    ],
  ])('prefers %s', (_what, frontends, winner) => {
    expect(routerOf(frontends).match(factsOf())?.name).toBe(winner)
  })

  it.each([
    ['www.example.com', '/a', true],
    ['www.example.com', '/b', false],
    ['other.example.com', '/a', false],
  ])('needs all routes of a frontend to hold: %s%s: %s', (host, path, expected) => {
    const router = routerOf({
      f: { routes: { one: { rule: 'Host:www.example.com' }, two: { rule: { path: '/a' } } } },
    })
    expect(router.match(factsOf({ host, path })) !== undefined).toBe(expected)
  })

  it.each([
    ['any entry point for a frontend that names none', undefined, 'web', true],
    ['no entry point for a frontend that names none', undefined, undefined, true],
    ['an entry point that is named', ['web', 'api'], 'api', true],
    ['another entry point', ['web', 'api'], 'admin', false],
    ['no entry point for a frontend that names some', ['web'], undefined, false],
  ])('accepts or not: %s', (_what, entryPoints, entryPoint, expected) => {
    const router = routerOf({ f: { rule: 'Path:/', ...(entryPoints && { entryPoints }) } })
    expect(router.match(factsOf(entryPoint === undefined ? {} : { entryPoint })) !== undefined).toBe(expected)
  })

  it('goes on to the next frontend where the entry point is not the one of the first', () => {
    const router = routerOf({
      admin: { rule: 'Host:www.example.com', entryPoints: ['admin'] },
      all: { rule: 'PathPrefix:/' },
    })
    expect(router.match(factsOf({ entryPoint: 'web' }))?.name).toBe('all')
  })

  it('matches nothing if there are no frontends', () => {
    expect(routerOf({}).match(factsOf())).toBeUndefined()
  })

  const host = fc.constantFrom('a.test', 'b.test', 'c.test')
  const path = fc.constantFrom('/', '/a', '/a/b', '/b')
  const range = fc.constantFrom('10.0.0.0/8', '10.1.0.0/16', '10.1.1.1', '::/0')
  const method = fc.constantFrom('GET', 'POST')
  const rule = fc
    .record({ host, path, pathPrefix: path, clientIp: range, method }, { requiredKeys: [] })
    .filter((sample) => Object.keys(sample).length > 0)
    .chain((spec: RuleSpec) => fc.constantFrom(spec, new RuleMatcher(spec).rule))
  const frontend = fc.record(
    {
      backend: fc.constant('pool'),
      rule,
      priority: fc.integer({ min: -2, max: 40 }),
      entryPoints: fc.subarray(['web', 'api'], { minLength: 1 }),
    },
    { requiredKeys: ['backend', 'rule'] },
  )
  const facts = fc.record({
    host,
    path,
    method,
    clientAddress: fc.constantFrom('10.1.1.1', '10.1.2.2', '10.2.2.2', '2001:db8::1', '192.0.2.1'),
    entryPoint: fc.constantFrom('web', 'api', 'admin'),
  })

  it('finds what trying every frontend, by priority and then by name, finds', () => {
    const document = fc.dictionary(fc.stringMatching(/^[a-zA-Z]{1,3}$/), frontend, { maxKeys: 10 })
    fc.assert(
      fc.property(document, fc.array(facts, { minLength: 1, maxLength: 5 }), (frontends, requests) => {
        const router = Router.compile({ frontends })
        for (const special of requests) {
          const request = factsOf(special)
          const winner = Object.entries(frontends)
            .filter(([, one]) => !one.entryPoints || one.entryPoints.includes(special.entryPoint))
            .filter(([, one]) => new RuleMatcher(one.rule).matches(request))
            .map(([name, one]) => {
              const written = typeof one.rule === 'string' ? one.rule : new RuleMatcher(one.rule).rule
              return { name, priority: (one.priority ?? 0) > 0 ? (one.priority ?? 0) : written.length }
            })
            .reduce<{ name: string; priority: number } | undefined>((best, one) => {
              if (!best || one.priority > best.priority) return one
              return one.priority === best.priority && one.name < best.name ? one : best
            }, undefined)
          expect(router.match(request)?.name).toBe(winner?.name)
          expect(router.explain(request).winner?.frontend).toBe(winner?.name)
        }
      }),
      { numRuns: 400 },
    )
  })
})

describe('frontends', () => {
  it('are in the order in which they are tried', () => {
    const router = routerOf({
      short: { rule: 'Path:/' },
      long: { rule: 'PathPrefix:/abc' },
      b: { rule: 'Path:/', priority: 50 },
      a: { rule: 'Path:/', priority: 50 },
    })
    expect(router.frontends.map(({ name }) => name)).toEqual(['a', 'b', 'long', 'short'])
  })
})

describe('before', () => {
  const router = routerOf({
    first: { rule: 'Host:a.test', priority: 5 },
    second: { rule: 'Host(`a.test`) || Host(`b.test`)', priority: 4 },
    third: { rule: 'PathPrefix:/x', priority: 3 },
    fourth: { rule: 'Host:a.test;PathPrefix:/x', priority: 2 },
    fifth: { rule: 'Method:GET', priority: 1 },
  })

  it.each([
    ['the last', 'fifth', { host: 'a.test', path: '/x' }, ['first', 'second', 'third', 'fourth']],
    ['the last, at another path', 'fifth', { host: 'a.test', path: '/y' }, ['first', 'second']],
    ['the last, at another host', 'fifth', { host: 'b.test', path: '/x' }, ['second', 'third']],
    ['one in the middle', 'third', { host: 'a.test', path: '/x' }, ['first', 'second']],
    ['the first', 'first', { host: 'a.test', path: '/x' }, []],
  ])('gives those that a host and a path allow before %s', (_what, name, facts, before) => {
    const rank = router.frontends.findIndex((one) => one.name === name)
    expect(router.before(rank, factsOf(facts)).map((one) => one.name)).toEqual(before)
  })
})

describe('compile', () => {
  it("knows the host's own matchers", () => {
    const Tenant: MatcherFactory =
      ([tenant]) =>
      (facts) =>
        facts.headers['x-tenant'] === tenant
    const router = Router.compile(
      { frontends: { f: { backend: 'b', rule: 'Tenant:acme' } } },
      { matchers: { Tenant } },
    )
    expect(router.match(factsOf({ headers: { 'x-tenant': 'acme' } }))?.name).toBe('f')
    expect(router.match(factsOf())).toBeUndefined()
  })

  it('throws one error with an issue for every rule that is wrong', () => {
    const attempt = () =>
      routerOf({
        'a b': { rule: 'Hots:a.test' },
        good: { rule: 'Host:a.test' },
        c: { routes: { one: { rule: 'ClientIP:1/8' }, two: { rule: 'Path:x' } } },
      })
    expect(attempt).toThrow(ProxyError)
    expect(attempt).toThrow(
      expect.objectContaining({
        code: 'PROXY_CONFIG_INVALID',
        message: expect.stringMatching(/^frontends\["a b"\]: .*\nfrontends\["c"\]: .*\nfrontends\["c"\]: /),
        issues: [
          { path: 'frontends["a b"]', code: 'INVALID_RULE', message: expect.stringContaining('"Hots"') },
          { path: 'frontends["c"]', code: 'INVALID_RANGE', message: expect.stringContaining('"1/8"') },
          { path: 'frontends["c"]', code: 'INVALID_RULE', message: expect.stringContaining('"x"') },
        ],
      }),
    )
  })

  it('refuses a frontend without a rule, which would take every request', () => {
    for (const frontend of [{ backend: 'b' }, { backend: 'b', routes: {} }]) {
      expect(() => Router.compile({ frontends: { open: frontend } })).toThrow(
        expect.objectContaining({ issues: [expect.objectContaining({ code: 'MISSING_RULE' })] }),
      )
    }
  })

  it('refuses a field that it does not enforce, even one that cannot be listed', () => {
    const plain = { backend: 'b', rule: 'Path:/' }
    const auth = { basic: { users: ['a:b'] } }
    for (const frontend of [
      { ...plain, auth },
      Object.defineProperty({ ...plain }, 'auth', { value: auth, enumerable: false }),
      Object.assign(Object.create({ auth }), plain),
    ]) {
      expect(() => Router.compile({ frontends: { a: frontend } })).toThrow(
        expect.objectContaining({
          issues: [expect.objectContaining({ path: 'frontends.a.auth', code: 'NOT_SUPPORTED' })],
        }),
      )
    }
    const off = { ...plain, auth: null } as unknown as Frontend
    expect(Router.compile({ frontends: { a: off } }).match(factsOf())?.name).toBe('a')
  })

  it('does not see what happens to the document later', () => {
    const frontends: Record<string, Frontend> = { a: { backend: 'b', rule: 'Path:/' } }
    const router = Router.compile({ frontends })
    delete frontends['a']
    expect(router.match(factsOf())?.name).toBe('a')
  })
})
