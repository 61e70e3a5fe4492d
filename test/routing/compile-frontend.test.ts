import { describe, expect, it } from 'vitest'
import { explainChain, MIDDLEWARES } from '../../src/middlewares/middlewares.js'
import type { Frontend, RuleSpec } from '../../src/model/config.js'
import type { Issue } from '../../src/model/errors.js'
import { compileFrontend } from '../../src/routing/compile-frontend.js'
import { matcherTable } from '../../src/rules/matchers.js'
import { holds } from '../../src/rules/rule-tree.js'
import { factsOf } from '../support/facts-of.js'
import { showTree } from '../support/show-tree.js'

function compile(frontend: Omit<Frontend, 'backend'>, keepTrailingSlash = true) {
  const issues: Issue[] = []
  const matchers = matcherTable({ keepTrailingSlash })
  const compiled = compileFrontend('web', { backend: 'pool', ...frontend }, matchers, issues)
  expect(issues).toEqual([])
  return compiled
}

/** Several rules as routes, in their order. */
function routesOf(...rules: readonly (string | RuleSpec)[]): Pick<Frontend, 'routes'> {
  return { routes: Object.fromEntries(rules.map((rule, index) => [`r${index}`, { rule }])) }
}

function issuesOf(frontend: Omit<Frontend, 'backend'>): readonly Issue[] {
  const issues: Issue[] = []
  compileFrontend('a b', { backend: 'pool', ...frontend }, matcherTable(), issues)
  return issues
}

describe('compileFrontend', () => {
  it('keeps the name, the backend and the very configuration', () => {
    const config: Frontend = { backend: 'pool@file', rule: 'Host: a.test' }
    const compiled = compileFrontend('web', config, matcherTable(), [])
    expect(compiled).toMatchObject({ name: 'web', backend: 'pool@file', rule: 'Host:a.test' })
    expect(compiled.config).toBe(config)
  })

  it('has nothing that its configuration does not ask for', () => {
    const { chain, rewrite, otherSlash } = compile({ rule: 'Host:a.test' })
    expect([chain, rewrite, otherSlash]).toEqual([undefined, undefined, undefined])
  })

  it.each([
    ['one', routesOf('Host: a.test'), 'Host:a.test', 'Host[a.test]'],
    [
      'several, of every form',
      routesOf('Host: a.test;Method:GET', 'Path("/x") || Path("/y")', { clientIp: '::1' }),
      'Host:a.test;Method:GET && Path(`/x`) || Path(`/y`) && ClientIP:::1',
      '((Host[a.test] & Method[GET]) & (Path[/x] / Path[/y]) & ClientIP[::1])',
    ],
  ])('needs all its routes to hold: %s', (_what, routes, rule, tree) => {
    const compiled = compile(routes)
    expect(compiled.rule).toBe(rule)
    expect(showTree(compiled.tree)).toBe(tree)
  })

  it('refuses a request that one of its routes refuses', () => {
    const { tree } = compile(routesOf('Host:www.example.com', 'Path(`/x`) || Path(`/y`)'))
    expect(holds(tree, factsOf({ path: '/y' }))).toBe(true)
    expect(holds(tree, factsOf({ path: '/z' }))).toBe(false)
    expect(holds(tree, factsOf({ path: '/y', host: 'a.test' }))).toBe(false)
  })

  it('notes everything that is wrong, under its name', () => {
    expect(issuesOf(routesOf('Hots:a;Path:x', 'ClientIP(`1/8`)'))).toEqual([
      { path: 'frontends["a b"]', code: 'INVALID_RULE', message: expect.stringContaining('"Hots"') },
      { path: 'frontends["a b"]', code: 'INVALID_RULE', message: expect.stringContaining('"x"') },
      { path: 'frontends["a b"]', code: 'INVALID_RANGE', message: expect.stringContaining('"1/8"') },
    ])
  })

  it.each([{}, { routes: {} }])(
    'misses a rule, without which it would take every request: %j',
    (frontend) => {
      expect(issuesOf(frontend)).toEqual([
        {
          path: 'frontends["a b"]',
          code: 'MISSING_RULE',
          message: 'expected a rule, or routes with at least one entry',
        },
      ])
    },
  )
})

describe('the priority', () => {
  const traefik1 = 'Host: a.test'
  const traefik3 = 'Host( `a.test` )'

  it.each<[string, Omit<Frontend, 'backend'>, number]>([
    ['the length of a text as it is written', { rule: traefik1 }, 12],
    ["the length of a text of Traefik 3's as it is written", { rule: traefik3 }, 16],
    ['the length of the text of data', { rule: { host: 'a.test' } }, 'Host:a.test'.length],
    [
      "the length of the text of data in Traefik 3's form",
      { rule: { not: { host: 'a.test' } } },
      '!Host(`a.test`)'.length,
    ],
    ['the sum of several routes', routesOf(traefik1, traefik3, { host: 'a.test' }), 12 + 16 + 11],
    ['the explicit one', { rule: traefik1, priority: 3 }, 3],
    ['the explicit one of several routes', { ...routesOf(traefik1, traefik3), priority: 100 }, 100],
    ['the length for 0', { rule: traefik1, priority: 0 }, 12],
    ["the length for 0 in Traefik 3's form", { rule: traefik3, priority: 0 }, 16],
    ["the length for a negative one in Traefik 1.7's form", { rule: traefik1, priority: -5 }, 12],
    ['the length for a negative one of data', { rule: { host: 'a.test' }, priority: -5 }, 11],
    [
      "the length for a negative one of data in Traefik 3's form",
      { rule: { not: { host: 'a.test' } }, priority: -5 },
      15,
    ],
    ["a negative one in Traefik 3's form", { rule: traefik3, priority: -5 }, -5],
    [
      "a negative one, if all routes are in Traefik 3's form",
      { ...routesOf(traefik3, traefik3), priority: -5 },
      -5,
    ],
    ['the length, if one route is not', { ...routesOf(traefik3, traefik1), priority: -5 }, 28],
  ])('is %s', (_what, frontend, priority) => {
    expect(compile(frontend).priority).toBe(priority)
  })
})

describe('the white list', () => {
  const sourceRange = ['10.0.0.0/8', '2001:db8::/32', '192.0.2.1']

  it.each([
    ['10.1.2.3', true],
    ['::ffff:10.1.2.3', true],
    ['11.1.2.3', false],
    ['2001:db8::1', true],
    ['2001:db9::1', false],
    ['192.0.2.1', true],
    ['192.0.2.2', false],
    ['', false],
    ['unknown', false],
  ])('admits %j: %s', (address, admitted) => {
    const source = compile({ rule: 'Path:/', whiteList: { sourceRange } })
    const { answer } = explainChain(source, MIDDLEWARES, factsOf({ clientAddress: address }))
    expect(answer).toEqual(admitted ? undefined : { status: 403 })
  })

  it('is none of the rule: a frontend takes whom it does not admit', () => {
    const { tree } = compile({ rule: 'Path:/', whiteList: { sourceRange: ['10.0.0.0/8'] } })
    expect(holds(tree, factsOf({ clientAddress: '192.0.2.9' }))).toBe(true)
  })
})

describe('the path that servers get', () => {
  it.each<[string, Omit<Frontend, 'backend'>, string, string]>([
    ['one modifier', { rule: 'PathPrefixStrip:/api' }, '/api/x', '/x'],
    ['several of one rule', { rule: 'AddPrefix:/v1;PathPrefixStrip:/api' }, '/api/x', '/v1/x'],
    [
      'several routes',
      routesOf('AddPrefix:/v1', { pathPrefixStrip: '/api' }, 'Host(`a`)'),
      '/api/x',
      '/v1/x',
    ],
  ])('is made by %s', (_what, frontend, path, made) => {
    expect(compile(frontend).rewrite?.(path).path).toBe(made)
  })
})

describe('the other slash form', () => {
  it.each<[string, Pick<Frontend, 'rule' | 'routes'>, string, string | undefined]>([
    ['a path', { rule: 'Path:/a' }, '/a/', '/a'],
    ['a path that is asked for', { rule: 'Path:/a' }, '/a', undefined],
    ['a path of data', { rule: { path: '/a/' } }, '/a', '/a/'],
    ['a path that is stripped', { rule: 'PathStrip:/a' }, '/a/', '/a'],
    ['a path of the second route', routesOf('Host:a.test', 'Path:/a'), '/a/', '/a'],
    ['two routes that agree', routesOf('Path:/a', 'Path:/a,/b'), '/a/', '/a'],
    [
      'two routes of which each wants another: nobody is sent to and fro',
      routesOf('Path:/a', 'Path:/a/'),
      '/a',
      undefined,
    ],
  ])('is known of %s', (_what, frontend, path, other) => {
    expect(compile(frontend, false).otherSlash?.(path)).toBe(other)
    expect(compile(frontend).otherSlash).toBeUndefined()
  })

  it.each<[string, string | RuleSpec]>([
    ["Traefik 3's form", 'Path(`/a`)'],
    ['an alternative of data', { any: [{ path: '/a' }, { path: '/b' }] }],
    ['what data negates', { not: { path: '/a' } }],
  ])('is none in %s', (_what, rule) => {
    const compiled = compile({ rule }, false)
    expect(compiled.otherSlash).toBeUndefined()
    expect(holds(compiled.tree, factsOf({ path: '/a/' }))).toBe(typeof rule !== 'string' && 'not' in rule)
  })
})
