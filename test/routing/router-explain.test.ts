import { describe, expect, it } from 'vitest'
import type { Frontend } from '../../src/model/config.js'
import type { MatcherFactory } from '../../src/model/request-facts.js'
import { Router } from '../../src/routing/router.js'
import type { MatcherOptions } from '../../src/rules/matchers.js'
import { factsOf } from '../support/facts-of.js'

function routerOf(
  frontends: Readonly<Record<string, Omit<Frontend, 'backend'>>>,
  options: MatcherOptions = {},
): Router {
  const whole = Object.entries(frontends).map(([name, frontend]) => [
    name,
    { backend: `${name}-pool`, ...frontend },
  ])
  return Router.compile({ frontends: Object.fromEntries(whole) }, options)
}

describe('explain', () => {
  const router = routerOf({
    admin: { rule: 'Host:www.example.com', entryPoints: ['admin', 'ops'], priority: 40 },
    office: { rule: 'Host:www.example.com;ClientIP:10.0.0.0/8;Path:/never' },
    split: { routes: { one: { rule: 'PathPrefix:/' }, two: { rule: 'Method:PUT' } } },
    all: { rule: 'Host:www.example.com', priority: 2 },
    rest: { rule: 'PathPrefix:/', priority: 1 },
  })

  it('names the winner, and what refused each frontend tried before it', () => {
    expect(router.explain(factsOf({ entryPoint: 'web' }))).toEqual({
      winner: { frontend: 'all', backend: 'all-pool', priority: 2, chain: [], rule: 'Host:www.example.com' },
      refused: [
        {
          frontend: 'office',
          rule: 'Host:www.example.com;ClientIP:10.0.0.0/8;Path:/never',
          by: 'ClientIP:10.0.0.0/8',
        },
        { frontend: 'admin', rule: 'Host:www.example.com', by: 'entryPoints admin,ops' },
        { frontend: 'split', rule: 'PathPrefix:/ && Method:PUT', by: 'Method:PUT' },
      ],
      outranked: [{ frontend: 'rest', rule: 'PathPrefix:/', priority: 1 }],
      text: [
        'office does not match: ClientIP:10.0.0.0/8',
        'admin does not match: entryPoints admin,ops',
        'split does not match: Method:PUT',
        'all matches (priority 2, Host:www.example.com): backend all-pool',
        'rest matches too, but comes later (priority 1)',
      ].join('\n'),
    })
  })

  it('says that no frontend matches, and why each does not', () => {
    const { winner, refused, text } = routerOf({ a: { rule: 'Host:a.test' } }).explain(factsOf())
    expect(winner).toBeUndefined()
    expect(refused).toEqual([{ frontend: 'a', rule: 'Host:a.test', by: 'Host:a.test' }])
    expect(text).toBe('a does not match: Host:a.test\nno frontend matches')
  })

  it('says so in one line if there are no frontends', () => {
    expect(routerOf({}).explain(factsOf())).toEqual({
      refused: [],
      outranked: [],
      text: 'no frontend matches',
    })
  })
})

describe('what refuses a frontend', () => {
  it.each([
    ["a matcher of Traefik 3's form", 'Host(`www.example.com`) && Method(`PUT`)', 'Method(`PUT`)'],
    ['alternatives as a whole', '(Path(`/x`) || Path(`/y`)) && Method(`GET`)', 'Path(`/x`) || Path(`/y`)'],
    ['what must not be', 'Path(`/`) && !Method(`GET`)', '!Method(`GET`)'],
    ['several that must not be together', '!(Path(`/`) && Method(`GET`))', '!(Path(`/`) && Method(`GET`))'],
    ['data in its form', { host: 'www.example.com', method: ['PUT', 'POST'] }, 'Method:PUT,POST'],
    [
      "data in Traefik 3's form",
      { method: ['PUT', 'POST'], not: { host: 'a.test' } },
      'Method(`PUT`) || Method(`POST`)',
    ],
    ['a header', 'Header(`X-Env`, `qas`)', 'Header(`X-Env`, `qas`)'],
  ])('is %s', (_what, rule, by) => {
    const { winner, refused } = routerOf({ a: { rule } }).explain(factsOf())
    expect(winner).toBeUndefined()
    expect(refused.map((one) => one.by)).toEqual([by])
  })

  it('is a matcher of the host that throws', () => {
    const Broken: MatcherFactory = () => () => {
      throw new Error('no database')
    }
    const { refused, winner } = routerOf(
      { a: { rule: 'Broken:x', priority: 9 }, b: { rule: 'Path:/' } },
      { matchers: { Broken } },
    ).explain(factsOf())
    expect(refused).toEqual([{ frontend: 'a', rule: 'Broken:x', by: 'a matcher failed: no database' }])
    expect(winner?.frontend).toBe('b')
  })
})

describe('the winner', () => {
  it('tells the path that servers get, if it is another', () => {
    const router = routerOf({ a: { rule: 'PathPrefixStrip:/api;AddPrefix:/v1' } })
    const { winner, text } = router.explain(factsOf({ path: '/api/x' }))
    expect(winner).toMatchObject({ frontend: 'a', path: '/v1/x' })
    expect(text).toBe(
      'a matches (priority 34, PathPrefixStrip:/api;AddPrefix:/v1): backend a-pool, which gets /v1/x',
    )
    expect(routerOf({ a: { rule: 'Path:/' } }).explain(factsOf()).winner).not.toHaveProperty('path')
  })

  it.each([
    ['', '/a'],
    ['k=v', '/a?k=v'],
  ])('tells that the client is sent on, with its query %j', (query, location) => {
    const router = routerOf({ a: { rule: 'Path:/a' } }, { keepTrailingSlash: false })
    const { winner, text } = router.explain(factsOf({ path: '/a/', query }))
    expect(winner?.answer).toEqual({ status: 301, location })
    expect(text).toBe(`a matches (priority 7, Path:/a): 301 to ${location}`)
    expect(router.explain(factsOf({ path: '/a' })).winner).not.toHaveProperty('answer')
  })

  it('tells that the client is kept out', () => {
    const router = routerOf({
      a: { rule: 'Path:/', whiteList: { sourceRange: ['10.0.0.0/8'] } },
      b: { rule: 'Path:/', priority: 1 },
    })
    const { winner, text, outranked } = router.explain(factsOf())
    expect(winner).toMatchObject({ frontend: 'a', answer: { status: 403 } })
    expect(outranked.map(({ frontend }) => frontend)).toEqual(['b'])
    expect(text).toBe(
      [
        'a matches (priority 6, Path:/): 403, 192.0.2.1 is not on the white list',
        'b matches too, but comes later (priority 1)',
      ].join('\n'),
    )
    expect(router.explain(factsOf({ clientAddress: '10.1.1.1' })).winner).not.toHaveProperty('answer')
  })

  it('is sent on before it is kept out', () => {
    const router = routerOf(
      { a: { rule: 'Path:/a', whiteList: { sourceRange: ['10.0.0.0/8'] } } },
      { keepTrailingSlash: false },
    )
    expect(router.explain(factsOf({ path: '/a/' })).winner?.answer).toMatchObject({ status: 301 })
    expect(router.explain(factsOf({ path: '/a' })).winner?.answer).toEqual({ status: 403 })
  })
})

describe('the text of very many frontends', () => {
  const frontends = Object.fromEntries(
    Array.from({ length: 250 }, (_, index) => [
      `f${String(index).padStart(3, '0')}`,
      { rule: 'Host:a.test' },
    ]),
  )

  it('names the first hundred that refuse, and how many more there are; the data has them all', () => {
    const { text, refused } = routerOf(frontends).explain(factsOf())
    expect(refused).toHaveLength(250)
    expect(text.split('\n')).toHaveLength(102)
    expect(text).toMatch(
      /\nf099 does not match: Host:a\.test\nand 150 more do not match\nno frontend matches$/,
    )
  })

  it('names the first hundred that come later', () => {
    const { text, outranked } = routerOf(frontends).explain(factsOf({ host: 'a.test' }))
    expect(outranked).toHaveLength(249)
    expect(text.split('\n').length).toBeLessThan(110)
  })
})

describe('a client without an address', () => {
  const router = routerOf({
    office: { rule: 'Host:www.example.com;ClientIP:10.0.0.0/8' },
    deny: { rule: 'Host(`www.example.com`) && !ClientIP(`10.0.0.0/8`)' },
    either: { rule: 'ClientIP(`10.0.0.0/8`) || Method(`PUT`)' },
    both: {
      rule: { not: { any: [{ clientIp: '10.0.0.0/8' }, { method: 'PUT' }] }, host: 'www.example.com' },
    },
    not: { rule: '!(ClientIP(`10.0.0.0/8`) && Method(`PUT`))', priority: 2 },
    all: { rule: 'Host:www.example.com', priority: 1 },
  })
  const unknown = 'the client has no address'

  it('makes ClientIP unknown, and explain says so', () => {
    const { winner, refused, outranked, text } = router.explain(factsOf({ clientAddress: '' }))
    expect(winner?.frontend).toBe('not')
    expect(outranked.map(({ frontend }) => frontend)).toEqual(['all'])
    expect(
      Object.fromEntries(refused.map(({ frontend, by, unknown: why }) => [frontend, [by, why]])),
    ).toEqual({
      office: ['ClientIP:10.0.0.0/8', unknown],
      deny: ['!ClientIP(`10.0.0.0/8`)', unknown],
      either: ['ClientIP(`10.0.0.0/8`) || Method(`PUT`)', unknown],
      both: ['!(ClientIP(`10.0.0.0/8`) || Method(`PUT`))', unknown],
    })
    expect(text).toContain(
      'office does not match: ClientIP:10.0.0.0/8 is unknown, because the client has no address\n',
    )
  })

  it.each([
    ['', 'not'],
    ['10.0.0.1', 'office'],
    ['192.0.2.1', 'both'],
  ])('from %j goes to %s', (clientAddress, frontend) => {
    const facts = factsOf({ clientAddress })
    expect(router.match(facts)?.name).toBe(frontend)
    expect(router.explain(facts).winner?.frontend).toBe(frontend)
  })

  it('is kept out by a white list', () => {
    const listed = routerOf({
      a: { rule: 'PathPrefix:/', whiteList: { sourceRange: ['0.0.0.0/0', '::/0'] } },
    })
    expect(listed.explain(factsOf({ clientAddress: '' })).winner?.answer).toEqual({ status: 403 })
  })

  it('is told apart from a matcher that does not answer', () => {
    const Odd: MatcherFactory = () => () => Promise.resolve(true) as unknown as boolean
    const odd = routerOf({ a: { rule: '!(Odd(`x`))' } }, { matchers: { Odd } })
    expect(odd.explain(factsOf()).refused).toMatchObject([
      { by: '!Odd(`x`)', unknown: 'Odd answered neither true nor false' },
    ])
  })
})
