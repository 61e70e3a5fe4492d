import { describe, expect, it } from 'vitest'
import {
  behindFirstLabel,
  matchHost,
  matchHostRegexp,
  matchHostTemplate,
} from '../../src/rules/match-host.js'
import { factsOf } from '../support/facts-of.js'

describe('matchHost', () => {
  it.each([
    ['its own name', ['www.example.com'], 'www.example.com', true],
    ['another name', ['www.example.com'], 'map.example.com', false],
    ['a name below it', ['example.com'], 'www.example.com', false],
    ['a name that only begins with it', ['www.example.com'], 'www.example.com.evil.test', false],
    ['a rule in capitals', ['WWW.Example.COM'], 'www.example.com', true],
    ['a rule with a trailing dot', ['www.example.com.'], 'www.example.com', true],
    ['the second of several', ['a.test', 'b.test'], 'b.test', true],
    ['none of several', ['a.test', 'b.test'], 'c.test', false],
    ['no host', ['a.test'], '', false],
    ['a rule in another script', ['bücher.example'], 'xn--bcher-kva.example', true],
    ['an IPv4 address', ['10.0.0.1'], '10.0.0.1', true],
    ['an IPv6 address in brackets', ['[::1]'], '[::1]', true],
    ['an IPv6 address without brackets', ['::1'], '[::1]', true],
    ['another spelling of an IPv6 address', ['2001:DB8:0::1'], '[2001:db8::1]', true],
    ['another IPv6 address', ['::1'], '[::2]', false],
    ['a name with an underscore', ['my_svc.local'], 'my_svc.local', true],
  ])('and %s', (_what, values, host, expected) => {
    expect(matchHost(values).test(factsOf({ host }))).toBe(expected)
  })

  it.each([
    ['one label before it', ['*.a.test'], 'x.a.test', true],
    ['a rule in capitals', ['*.A.Test'], 'x.a.test', true],
    ['a rule with a trailing dot', ['*.a.test.'], 'x.a.test', true],
    ['a rule in another script', ['*.bücher.example'], 'x.xn--bcher-kva.example', true],
    ['two labels before it', ['*.a.test'], 'x.y.a.test', false],
    ['no label before it', ['*.a.test'], 'a.test', false],
    ['an empty label before it', ['*.a.test'], '.a.test', false],
    ['a label that only ends with it', ['*.a.test'], 'xa.test', false],
    ['a name that goes on', ['*.a.test'], 'x.a.test.evil', false],
    ['one of one label', ['*.test'], 'a.test', true],
    ['no host', ['*.a.test'], '', false],
    ['a name beside it', ['*.a.test', 'b.test'], 'b.test', true],
    ['another wildcard beside it', ['*.a.test', '*.b.test'], 'x.b.test', true],
    ['neither of both', ['*.a.test', 'b.test'], 'x.b.test', false],
  ])('with "*." and %s', (_what, values, host, expected) => {
    expect(matchHost(values).test(factsOf({ host }))).toBe(expected)
  })

  it.each([
    [['*'], 'a.test', true],
    [['*'], '[::1]', true],
    [['*'], '', false],
    [['a.test', '*'], 'b.test', true],
    [['*.a.test', '*'], 'localhost', true],
  ])('with "*" takes any host: %j and %j: %s', (values, host, expected) => {
    expect(matchHost(values).test(factsOf({ host }))).toBe(expected)
  })

  it.each(['::1', '[::1]', '[0:0::1]', '[0:0:0:0:0:0:0:1]', '0:0::1'])(
    'takes %s for the same host as every other spelling',
    (spelling) => {
      expect(matchHost([spelling]).test(factsOf({ host: '[::1]' }))).toBe(true)
      expect(matchHost([spelling]).needs).toMatchObject({ hosts: ['[::1]'] })
    },
  )

  it.each([
    ['a port', 'a.test:80'],
    ['a port behind an IPv6 address', '[::1]:80'],
    ['half an IPv6 address', '[::1'],
    ['a blank', 'a b'],
    ['an empty label', 'a..b'],
    ['a leading dot', '.a.test'],
    ['nothing but a dot', '.'],
    ['nothing at all', ''],
    ['a URL', 'http://a.test'],
    ['a path', 'a.test/x'],
    ['a path in another script', 'a.test/é'],
    ['a tab inside', 'a\tb.test'],
    ['an at sign', 'é@a.test'],
    ['braces', '{sub}.a.test'],
    ['a name that no machine can have', 'xn--é.test'],
    ['a wildcard of part of a label', 'a*.test'],
    ['a wildcard without a dot', '*a.test'],
    ['a wildcard in the middle', 'a.*.test'],
    ['a wildcard at the end', 'a.*'],
    ['two wildcards', '*.*.test'],
    ['a wildcard and nothing behind it', '*.'],
    ['a wildcard and an empty label', '*..test'],
    ['a wildcard and a port', '*.a.test:80'],
  ])('refuses a value with %s', (_what, value) => {
    expect(() => matchHost([value])).toThrow(
      `${JSON.stringify(value)} is not a host name; expected one like a.example.com or *.example.com, without a port`,
    )
  })

  it('reports every value that is none, with its index', () => {
    expect(() => matchHost(['a b', 'c.test', '*.*.d'])).toThrow(
      expect.objectContaining({
        issues: [
          { path: '0', code: 'INVALID_RULE', message: expect.stringContaining('"a b"') },
          { path: '2', code: 'INVALID_RULE', message: expect.stringContaining('"*.*.d"') },
        ],
      }),
    )
  })

  it('says which hosts it needs, and that no more is to be tested', () => {
    expect(matchHost(['A.test', '*.b.test']).needs).toEqual({
      hosts: ['a.test'],
      wildcards: ['b.test'],
      whole: true,
    })
    expect(matchHost(['a.test', '*']).needs).toBeUndefined()
  })

  it.each([
    ['x.a.test', 'a.test'],
    ['a.test', 'test'],
    ['test', ''],
    ['.test', ''],
    ['', ''],
  ])('knows what is behind the first label of %j: %j', (host, rest) => {
    expect(behindFirstLabel(host)).toBe(rest)
  })
})

describe('matchHostRegexp', () => {
  it.each([
    ['all of the host', ['^a\\.test$'], 'a.test', true],
    ['some part of it', ['a\\.te'], 'www.a.test', true],
    ['another host', ['^a\\.test$'], 'b.test', false],
    ['a dot that is any character', ['^a.test$'], 'axtest', true],
    ['an expression in capitals: hosts are in small letters', ['^A\\.test$'], 'a.test', false],
    ['an expression that says it does not care', ['(?i)^A\\.test$'], 'a.test', true],
    ['the second of several', ['^a$', '^b$'], 'b', true],
    ['no host', ['.*'], '', false],
    ['a repetition', ['^[a-z]{2,3}\\.test$'], 'abc.test', true],
    ['one too many', ['^[a-z]{2,3}\\.test$'], 'abcd.test', false],
  ])('and %s', (_what, values, host, expected) => {
    expect(matchHostRegexp(values).test(factsOf({ host }))).toBe(expected)
  })

  it.each([
    ['a character beyond ASCII', 'bücher', /can never match: a host has only ASCII characters/],
    ['a parenthesis that is open', '(a', /is not a regular expression: missing closing \)/],
    ['nothing', '', /an empty regular expression would match everything/],
  ])('refuses %s', (_what, value, reason) => {
    expect(() => matchHostRegexp([value])).toThrow(reason)
  })

  it('needs nothing that the router knows', () => {
    expect(matchHostRegexp(['^a$']).needs).toBeUndefined()
  })
})

describe('matchHostTemplate', () => {
  it.each([
    ['a group without an expression', '{sub}.a.test', 'x.a.test', true],
    ['such a group and two labels', '{sub}.a.test', 'x.y.a.test', false],
    ['such a group and no label', '{sub}.a.test', '.a.test', false],
    ['a group with one', '{sub:[a-c]+}.a.test', 'abc.a.test', true],
    ['a group that does not match', '{sub:[a-c]+}.a.test', 'abd.a.test', false],
    ['a group that takes dots', '{sub:.+}.a.test', 'x.y.a.test', true],
    ['alternatives, which stay within their group', '{sub:x|y}.a.test', 'y.a.test', true],
    ['half of alternatives alone', '{sub:x|y}.a.test', 'x', false],
    ['text outside groups, which is literal', '{sub}.a.test', 'x.aztest', false],
    ['the whole host only', '{sub}.a.test', 'x.a.test.evil', false],
    ['capitals in the rule', '{sub:[A-C]+}.A.Test', 'abc.a.test', true],
    ['two groups', '{a}.{b:[0-9]{1,2}}.test', 'x.42.test', true],
    ['two groups of which one does not match', '{a}.{b:[0-9]{1,2}}.test', 'x.421.test', false],
    ['no group at all', 'a.test', 'a.test', true],
    ['no group, and another host', 'a.test', 'axtest', false],
    ['no host', '{any:.*}', '', true],
  ])('and %s', (_what, value, host, expected) => {
    expect(matchHostTemplate([value]).test(factsOf({ host }))).toBe(expected)
  })

  it.each([
    ['a brace that is open', '{sub.a.test', /its braces are not balanced/],
    ['a brace that opens none', 'sub}.a.test', /its braces are not balanced/],
    ['a group without a name', '{:[a-z]+}.a.test', /has no name; expected \{name\} or \{name:regexp\}/],
    ['an expression that is none', '{sub:[a-z}.a.test', /is not a regular expression: missing closing \]/],
    ['no group, and no host name', 'http://a.test', /is not a host name/],
    ['a blank', '{sub}. a', /can never match/],
  ])('refuses %s', (_what, value, reason) => {
    expect(() => matchHostTemplate([value])).toThrow(reason)
  })
})
