import { describe, expect, it, vi } from 'vitest'
import { ProxyError } from '../../src/model/errors.js'
import type { MatcherFactory } from '../../src/model/request-facts.js'
import { isBuiltIn, matcherTable } from '../../src/rules/matchers.js'
import { factsOf } from '../support/facts-of.js'

const always: MatcherFactory = () => () => true

describe('matcherTable', () => {
  it('has ours in the order of canonical rule text', () => {
    expect([...matcherTable().keys()]).toEqual([
      'Host',
      'HostRegexp',
      'Path',
      'PathPrefix',
      'PathRegexp',
      'PathStrip',
      'PathStripRegex',
      'PathPrefixStrip',
      'PathPrefixStripRegex',
      'Method',
      'Headers',
      'HeadersRegexp',
      'Query',
      'QueryRegexp',
      'ClientIP',
      'AddPrefix',
      'ReplacePath',
      'ReplacePathRegex',
    ])
  })

  // Written down a second time: what stands in a column is what a rule of that form may say.
  it.each<[string, boolean, string | undefined]>([
    ['Host', true, 'Host'],
    ['HostRegexp', true, 'HostRegexp'],
    ['Path', true, 'Path'],
    ['PathPrefix', true, 'PathPrefix'],
    ['PathRegexp', false, 'PathRegexp'],
    ['PathStrip', true, undefined],
    ['PathStripRegex', true, undefined],
    ['PathPrefixStrip', true, undefined],
    ['PathPrefixStripRegex', true, undefined],
    ['Method', true, 'Method'],
    ['Headers', true, 'Header'],
    ['HeadersRegexp', true, 'HeaderRegexp'],
    ['Query', true, 'Query'],
    ['QueryRegexp', false, 'QueryRegexp'],
    ['ClientIP', true, 'ClientIP'],
    ['AddPrefix', true, undefined],
    ['ReplacePath', true, undefined],
    ['ReplacePathRegex', true, undefined],
  ])('has %s: in Traefik 1.7 %s, in Traefik 3 as %s, and in data', (name, inTraefik1, inTraefik3) => {
    const matcher = matcherTable().get(name)
    expect(matcher?.traefik1 !== undefined).toBe(inTraefik1)
    expect(matcher?.traefik3 && (matcher.traefik3.name ?? name)).toBe(inTraefik3)
    expect(matcher?.data).toBeTypeOf('function')
  })

  it.each([
    [true, undefined],
    [undefined, undefined],
    [false, '/a'],
  ])('sends to the other slash form if slashes are not kept: %s', (keepTrailingSlash, other) => {
    const table = matcherTable(keepTrailingSlash === undefined ? {} : { keepTrailingSlash })
    for (const name of ['Path', 'PathStrip', 'PathStripRegex']) {
      const { traefik1, traefik3, data } = table.get(name) ?? {}
      expect(traefik1?.(['/a']).otherSlash?.('/a/')).toBe(other)
      expect(data?.(['/a']).otherSlash?.('/a/')).toBe(other)
      expect(traefik3?.compile(['/a']).otherSlash).toBeUndefined()
    }
  })

  it("has the host's own behind ours, in this table only, in every form", () => {
    const table = matcherTable({ matchers: { Tenant: always } })
    expect([...table.keys()].at(-1)).toBe('Tenant')
    for (const keepTrailingSlash of [true, false]) {
      const { traefik1, traefik3, data } =
        matcherTable({ matchers: { Tenant: always }, keepTrailingSlash }).get('Tenant') ?? {}
      for (const compile of [traefik1, traefik3?.compile, data])
        expect(compile?.(['a']).test(factsOf())).toBe(true)
    }
    expect(matcherTable().has('Tenant')).toBe(false)
  })

  it("is one table of ours, as long as there is none of the host's", () => {
    expect(matcherTable()).toBe(matcherTable({ matchers: {}, keepTrailingSlash: true }))
    expect(matcherTable({ keepTrailingSlash: false })).toBe(matcherTable({ keepTrailingSlash: false }))
    expect(isBuiltIn(matcherTable())).toBe(true)
    expect(isBuiltIn(matcherTable({ keepTrailingSlash: false }))).toBe(true)
    expect(isBuiltIn(matcherTable({ matchers: { Tenant: always } }))).toBe(false)
  })

  it.each([
    ...['Host', 'host', 'CLIENTIP', 'HostRegexp', 'PathStrip', 'Query', 'ReplacePathRegex'],
    ...['Headers', 'Header', 'HeaderRegexp', 'HEADERREGEXP', 'Any', 'not', 'NOT'],
  ])('refuses one that is called %s: the name is taken', (name) => {
    const attempt = () => matcherTable({ matchers: { [name]: always } })
    expect(attempt).toThrow(ProxyError)
    expect(attempt).toThrow(
      expect.objectContaining({
        code: 'PROXY_OPTION_INVALID',
        message: `matchers.${name}: a built-in matcher has this name`,
      }),
    )
  })

  it.each(['tenant', 'My Tenant', 'Ten:ant', 'Ten;ant', '9Tenant', '', '__proto__', 'Tenant(', 'Ten_ant'])(
    'refuses one that is called %j: it could not stand in a rule',
    (name) => {
      const matchers = Object.fromEntries([[name, always]])
      expect(() => matcherTable({ matchers })).toThrow(
        expect.objectContaining({
          code: 'PROXY_OPTION_INVALID',
          message: expect.stringContaining('expected a name like "Tenant"'),
        }),
      )
    },
  )

  it('gives no matcher under an inherited name', () => {
    expect(matcherTable().get('constructor')).toBeUndefined()
    expect(matcherTable({ matchers: { Tenant: always } }).get('toString')).toBeUndefined()
  })

  it('compiles values once, not at every request', () => {
    const Tenant = vi.fn(always)
    const { test } = matcherTable({ matchers: { Tenant } }).get('Tenant')?.data?.(['a', 'b']) ?? {}
    for (let count = 0; count < 3; count++) test?.(factsOf())
    expect(Tenant).toHaveBeenCalledTimes(1)
    expect(Tenant).toHaveBeenCalledWith(['a', 'b'], { metadata: {} })
  })
})
