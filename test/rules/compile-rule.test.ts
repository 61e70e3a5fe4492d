import { describe, expect, it, vi } from 'vitest'
import type { RuleSpec } from '../../src/model/config.js'
import { compileRule } from '../../src/rules/compile-rule.js'
import { matcherTable } from '../../src/rules/matchers.js'
import { termsOf } from '../../src/rules/rule-tree.js'

const OURS = matcherTable()

function messagesOf(rule: string | RuleSpec): string[] {
  return compileRule(rule, OURS).issues.map(({ message }) => message)
}

describe('compileRule', () => {
  it.each<[string | RuleSpec, string, string]>([
    ['Host:a.test', 'traefik1', 'Host:a.test'],
    ['host(`a.test`)', 'traefik3', 'Host(`a.test`)'],
    [{ host: 'a.test' }, 'data', 'Host:a.test'],
  ])('knows the form of %j, and its text', (rule, form, text) => {
    const compiled = compileRule(rule, OURS)
    expect(compiled).toMatchObject({ form, text, issues: [] })
    expect(compiled.tree && termsOf(compiled.tree).map(({ matcher }) => matcher)).toEqual(['Host'])
  })

  it('has no tree and no text if anything is wrong', () => {
    const compiled = compileRule('Host:a.test;Hots:b', OURS)
    expect(compiled).toEqual({ form: 'traefik1', text: '', issues: [expect.anything()] })
  })

  it('is not compiled twice for one table of ours, and is for another', () => {
    const rule = 'Host:kept.test'
    expect(compileRule(rule, OURS)).toBe(compileRule(rule, matcherTable()))
    expect(compileRule(rule, matcherTable({ keepTrailingSlash: false }))).not.toBe(compileRule(rule, OURS))
  })

  it("is compiled each time with the host's own matchers", () => {
    const Tenant = vi.fn(() => () => true)
    const table = matcherTable({ matchers: { Tenant } })
    compileRule('Tenant:a', table)
    compileRule('Tenant:a', table)
    expect(Tenant).toHaveBeenCalledTimes(2)
  })
})

describe('a matcher that nobody knows', () => {
  it.each<[string | RuleSpec, string]>([
    ['Hots:a', 'at position 1: there is no matcher "Hots"; the nearest known one is "Host"'],
    [
      'clientip:10.0.0.1',
      'at position 1: there is no matcher "clientip"; the nearest known one is "ClientIP"',
    ],
    ['Header:a,b', 'at position 1: there is no matcher "Header"; the nearest known one is "Headers"'],
    ['Zzzzzzzzz:a', 'at position 1: there is no matcher "Zzzzzzzzz"'],
    ['constructor:a', 'at position 1: there is no matcher "constructor"'],
    [
      'PathPrefixRegexp:/a',
      'at position 1: there is no matcher "PathPrefixRegexp"; the nearest known one is "PathPrefixStrip"',
    ],
    ['Hots(`a`)', 'at position 1: there is no matcher "Hots"; the nearest known one is "Host"'],
    [
      'Path(`/`) && !headerRegex(`a`, `b`)',
      'at position 15: there is no matcher "headerRegex"; the nearest known one is "HeaderRegexp"',
    ],
    ['hOST(`a`)', 'at position 1: there is no matcher "hOST"; the nearest known one is "Host"'],
    ['toString(`a`)', 'at position 1: there is no matcher "toString"'],
    [{ hots: 'a' } as RuleSpec, 'there is no matcher "hots"; the nearest known one is "Host"'],
    [{ header: { a: 'b' } } as RuleSpec, 'there is no matcher "header"; the nearest known one is "Headers"'],
    [
      { any: [{ host: 'a' }, { not: { pathRegex: '/' } }] } as RuleSpec,
      'there is no matcher "pathRegex"; the nearest known one is "PathRegexp"',
    ],
    [JSON.parse('{"__proto__":"a"}'), 'there is no matcher "__proto__"'],
  ])('is refused with the nearest of its form: %j', (rule, message) => {
    expect(messagesOf(rule)).toEqual([message])
  })

  it.each<[string, string]>([
    [
      'PathRegexp:^/a',
      "at position 1: there is no matcher PathRegexp in Traefik 1.7's form; Traefik 3's form and data have it",
    ],
    [
      'Host:a;QueryRegexp:a,b',
      "at position 8: there is no matcher QueryRegexp in Traefik 1.7's form; Traefik 3's form and data have it",
    ],
    [
      'PathStrip(`/a`)',
      "at position 1: there is no matcher PathStrip in Traefik 3's form; Traefik 1.7's form and data have it",
    ],
    [
      'Host(`a`) && AddPrefix(`/a`)',
      "at position 14: there is no matcher AddPrefix in Traefik 3's form; Traefik 1.7's form and data have it",
    ],
    [
      'Headers(`X-Env`, `qas`)',
      "at position 1: there is no matcher Headers in Traefik 3's form; its name there is Header",
    ],
    [
      '!HeadersRegexp(`X-Env`, `^q`)',
      "at position 2: there is no matcher HeadersRegexp in Traefik 3's form; its name there is HeaderRegexp",
    ],
  ])('here, but in another form, is refused with that form: %s', (rule, message) => {
    expect(messagesOf(rule)).toEqual([message])
  })
})

describe("a name in Traefik 3's form", () => {
  it.each([
    ['ClientIP', 'clientip', 'CLIENTIP', 'Clientip'],
    ['PathPrefix', 'pathprefix', 'PATHPREFIX', 'Pathprefix'],
    ['HostRegexp', 'hostregexp', 'HOSTREGEXP', 'Hostregexp'],
  ])('may be %s, %s, %s, or %s', (...spellings) => {
    const value = { ClientIP: '::1', PathPrefix: '/a', HostRegexp: 'a' }[spellings[0] as 'ClientIP']
    for (const spelling of spellings)
      expect(compileRule(`${spelling}(\`${value}\`)`, OURS).text).toBe(`${spellings[0]}(\`${value}\`)`)
  })

  it.each(['clientIP', 'ClientIp', 'cLIENTIP'])('may not be %s', (name) => {
    expect(messagesOf(`${name}(\`::1\`)`)).toHaveLength(1)
  })

  it('may be header, for Headers', () => {
    const { tree } = compileRule('HEADER(`X-Env`, `qas`)', OURS)
    expect(tree).toMatchObject({ matcher: 'Headers', values: ['X-Env', 'qas'] })
  })
})

describe('the values of a matcher', () => {
  it.each([
    ['Host()', 'Host takes 1 value', 'found 0'],
    ['Host(`a`, `b`)', 'Host takes 1 value', 'found 2; "||" combines several'],
    ['ClientIP(`::1`, `::2`)', 'ClientIP takes 1 value', 'found 2; "||" combines several'],
    ['Header(`a`)', 'Header takes 2 values', 'found 1'],
    ['header(`a`, `b`, `c`)', 'header takes 2 values', 'found 3; "||" combines several'],
    ['Query()', 'Query takes 1 to 2 values', 'found 0'],
    ['QueryRegexp(`a`, `b`, `c`)', 'QueryRegexp takes 1 to 2 values', 'found 3; "||" combines several'],
  ])("are counted in Traefik 3's form: %s", (rule, message, found) => {
    expect(messagesOf(rule)).toEqual([`at position 1: ${message} in Traefik 3's form, ${found}`])
  })

  it.each<[string | RuleSpec, string]>([
    ['Host: ,', 'at position 1: Host has no value; expected at least one'],
    [{ host: [] }, 'Host has no value; expected at least one'],
    [{ headers: {} }, 'Headers has no value; expected at least one'],
    [{ not: { clientIp: [] } }, 'ClientIP has no value; expected at least one'],
  ])('are at least one: %j', (rule, message) => {
    expect(messagesOf(rule)).toEqual([message])
  })

  it.each<[string, string[]]>([
    ['Host:a.test , b c,*.*.d', ['at position 15: Host: "b c"', 'at position 19: Host: "*.*.d"']],
    ['Host(`a.test`) || Host(`b c`)', ['at position 24: Host: "b c"']],
    [
      'Method(`GET`) && !(Path("x") || Path(`y`))',
      ['at position 25: Path: "x"', 'at position 38: Path: "y"'],
    ],
    ['Header(`X Y`, `z`)', ['at position 1: Header: "X Y" is not a header name']],
  ])('are each reported where they stand: %s', (rule, starts) => {
    const messages = messagesOf(rule)
    expect(messages).toHaveLength(starts.length)
    for (const [index, start] of starts.entries()) expect(messages[index]).toContain(start)
  })

  it('are text in data, however deep, and reported by their matcher', () => {
    expect(messagesOf({ any: [{ path: 'x' }, { not: { clientIp: ['1/8', '::1/129'] } }] })).toEqual([
      expect.stringMatching(/^Path: "x" can never match/),
      expect.stringMatching(/^ClientIP: "1\/8" is not an address range/),
      expect.stringMatching(/^ClientIP: "::1\/129" is not an address range/),
    ])
  })
})

describe('a modifier in data', () => {
  it.each<[RuleSpec]>([
    [{ pathStrip: '/a' }],
    [{ pathStripRegex: '/{id:[0-9]+}', host: 'a.test' }],
    [{ pathPrefixStripRegex: ['/v{n:[0-9]{1,3}}', '/{x:a|b}'] }],
    [{ replacePathRegex: '^/([a-z]{1,3})$ /x/$1' }],
    [{ addPrefix: '/a', method: ['GET', 'POST'] }],
  ])('can stand beside what Traefik 1.7 can write: %j', (rule) => {
    expect(messagesOf(rule)).toEqual([])
  })

  it.each<[string, RuleSpec, string]>([
    ['any', { pathPrefixStrip: '/a', any: [{ host: 'a' }, { host: 'b' }] }, 'PathPrefixStrip'],
    ['not', { addPrefix: '/a', not: { host: 'a' } }, 'AddPrefix'],
    ['a matcher of Traefik 3', { replacePath: '/a', pathRegexp: '^/b' }, 'ReplacePath'],
    ['a value that only quotes can hold', { addPrefix: '/a', headers: { a: 'b;c' } }, 'AddPrefix'],
    ['itself under any', { any: [{ pathStrip: '/a' }, { path: '/b' }] }, 'PathStrip'],
    ['itself under not', { not: { pathStrip: '/a' } }, 'PathStrip'],
  ])('cannot stand beside %s', (_what, rule, name) => {
    expect(messagesOf(rule)).toEqual([
      expect.stringMatching(
        new RegExp(`^${name} can be combined only with what Traefik 1.7's form can express: no `),
      ),
    ])
  })
})
