import { describe, expect, it } from 'vitest'
import type { RuleSpec } from '../../src/model/config.js'
import { type IndexPlace, indexPlaceOf } from '../../src/routing/router-needs.js'
import { compileRule } from '../../src/rules/compile-rule.js'
import { matcherTable } from '../../src/rules/matchers.js'
import { factsOf } from '../support/facts-of.js'

const OWN = matcherTable({ matchers: { Odd: () => () => true, Later: () => (async () => true) as never } })

function place(rule: string | RuleSpec, matchers = OWN): IndexPlace {
  const { tree, issues } = compileRule(rule, matchers)
  if (!tree) throw new Error(JSON.stringify(issues))
  return indexPlaceOf(tree)
}

/** A place in short: its hosts, `*.` before what stands behind one label; its paths, `*` behind prefixes; `?` if tested. */
function short(rule: string | RuleSpec): string {
  const { hosts, paths, test } = place(rule)
  const atHosts = hosts && [...(hosts.hosts ?? []), ...(hosts.wildcards ?? []).map((name) => `*.${name}`)]
  const atPaths = paths && [...(paths.paths ?? []), ...(paths.prefixes ?? []).map((text) => `${text}*`)]
  return `${atHosts?.join(' ') ?? 'any'} ; ${atPaths?.join(' ') ?? 'any'}${test ? ' ?' : ''}`
}

describe('placeOf', () => {
  it.each<[string, string | RuleSpec, string]>([
    ['a host', 'Host:a.test', 'a.test ; any'],
    ['several hosts', 'Host:a.test,*.b.test', 'a.test *.b.test ; any'],
    ['any host', 'Host:*', 'any ; any ?'],
    ['a path', 'Path:/a', 'any ; /a'],
    ['a prefix', 'PathPrefix:/a', 'any ; /a*'],
    ['both', 'Host:a.test;PathPrefix:/a', 'a.test ; /a*'],
    ['both, and a test beside', 'Host:a.test;PathPrefix:/a;Method:GET', 'a.test ; /a* ?'],
    ['groups, by what stands before them', 'Path:/a/{id}', 'any ; /a/* ?'],
    ['groups beside plain paths', 'Path:/b,/a/{id}', 'any ; /b /a/* ?'],
    ['expressions, which nobody knows a place for', 'HostRegexp:{a}.test', 'any ; any ?'],
    ['the fewest hosts of two matchers', 'Host:a.test,b.test;Host:a.test', 'a.test ; any ?'],
    ['the fewest paths of two matchers', 'PathPrefix:/a,/b,/c;Path:/a,/b', 'any ; /a /b ?'],
    ['what strips, as what matches', 'PathPrefixStrip:/a', 'any ; /a*'],
    ['what adds and replaces, which holds for all', 'Host:a.test;AddPrefix:/p', 'a.test ; any ?'],
    ["the host's own, which nobody knows a place for", 'Odd:x', 'any ; any ?'],
  ])('finds a place for %s: %j', (_what, rule, expected) => {
    expect(short(rule)).toBe(expected)
  })

  it.each<[string, string | RuleSpec, string]>([
    ['hosts of each alternative', 'Host(`a.test`) || Host(`b.test`)', 'a.test b.test ; any ?'],
    ['the same host of two alternatives once', 'Host(`a.test`) || Host(`a.test`)', 'a.test ; any ?'],
    ['wildcards beside', 'Host(`a.test`) || Host(`*.b.test`)', 'a.test *.b.test ; any ?'],
    ['nothing, if one alternative needs none', 'Host(`a.test`) || Path(`/a`)', 'any ; any ?'],
    ['nothing, if one alternative takes any host', 'Host(`a.test`) || Host(`*`)', 'any ; any ?'],
    ['paths of each alternative', 'Path(`/a`) || PathPrefix(`/b`)', 'any ; /a /b* ?'],
    [
      'both of each',
      '(Host(`a.test`) && Path(`/a`)) || (Host(`b.test`) && Path(`/b`))',
      'a.test b.test ; /a /b ?',
    ],
    [
      'what each alternative needs, and not what only one does',
      '(Host(`a.test`) && Path(`/a`)) || Host(`b.test`)',
      'a.test b.test ; any ?',
    ],
    ['any beside a matcher', '(Host(`a.test`) || Host(`b.test`)) && Path(`/a`)', 'a.test b.test ; /a ?'],
    [
      'any within all within any',
      '((Host(`a.test`) || Host(`b.test`)) && Path(`/a`)) || Host(`c.test`)',
      'a.test b.test c.test ; any ?',
    ],
    ['nothing of what must not be', '!Host(`a.test`)', 'any ; any ?'],
    ['nothing of what must not be, twice', '!!Host(`a.test`)', 'any ; any ?'],
    ['what stands beside that', '!Host(`a.test`) && Path(`/a`)', 'any ; /a ?'],
    ['nothing, if one alternative is what must not be', 'Host(`a.test`) || !Host(`b.test`)', 'any ; any ?'],
    ['data of several hosts', { any: [{ host: ['a', 'b'] }, { host: 'c' }] }, 'a b c ; any ?'],
  ])('knows and, or, not: %s', (_what, rule, expected) => {
    expect(short(rule)).toBe(expected)
  })

  it('takes a rule of many hosts and many paths by its hosts alone, and tests the paths', () => {
    const list = (count: number, make: (index: number) => string) =>
      Array.from({ length: count }, (_, i) => make(i))
    const rule = (hosts: number, paths: number) => ({
      host: list(hosts, (index) => `h${index}.test`),
      path: list(paths, (index) => `/p${index}`),
    })
    expect(place(rule(10, 100)).paths?.paths).toHaveLength(100)
    expect(place(rule(10, 100)).test).toBeUndefined()
    const many = place(rule(11, 100))
    expect(many.hosts?.hosts).toHaveLength(11)
    expect(many.paths).toBeUndefined()
    expect(many.test?.(factsOf({ path: '/p99' }))).toBe(true)
    expect(many.test?.(factsOf({ path: '/p100' }))).toBe(false)
  })

  it.each<[string, string, boolean]>([
    ['one that is left', 'Host:a.test;Method:GET', true],
    ['one that refuses', 'Host:a.test;Method:PUT', false],
    ['two that are left', 'Host:a.test;Method:GET;ClientIP:192.0.2.0/24', true],
    ['two of which the first refuses', 'Host:a.test;Method:PUT;ClientIP:192.0.2.0/24', false],
    ['two of which the second refuses', 'Host:a.test;Method:GET;ClientIP:10.0.0.0/8', false],
    ['three that are left', 'Host:a.test;Method:GET;ClientIP:192.0.2.0/24;Odd:x', true],
    ['three of which the last refuses', 'Host:a.test;Method:GET;Odd:x;ClientIP:10.0.0.0/8', false],
    ['any', '(Method(`PUT`) || Method(`GET`)) && Path(`/`)', true],
    ['any that refuses', '(Method(`PUT`) || Method(`POST`)) && Path(`/`)', false],
    ['not', '!Method(`PUT`) && Path(`/`)', true],
    ['not that refuses', '!Method(`GET`) && Path(`/`)', false],
  ])('tests what its place does not say: %s', (_what, rule, expected) => {
    expect(place(rule).test?.(factsOf())).toBe(expected)
  })

  it.each(['Later:x', 'Later:x;Odd:x', 'Odd:x;Later:x', 'Odd:x;Odd:x;Later:x', 'Later(`x`) || Later(`y`)'])(
    "takes no promise of the host's own for true: %s",
    (rule) => {
      expect(place(rule).test?.(factsOf())).toBe(false)
    },
  )

  it('needs both slash forms where slashes are not kept', () => {
    const tolerant = matcherTable({ keepTrailingSlash: false })
    expect(place('Path:/a', tolerant)).toEqual({ paths: expect.objectContaining({ paths: ['/a', '/a/'] }) })
    expect(place('Path(`/a`)', tolerant)).toEqual({ paths: expect.objectContaining({ paths: ['/a'] }) })
  })
})
