import { describe, expect, it, vi } from 'vitest'
import { ProxyError } from '../../src/model/errors.js'
import type { MatcherFactory, RequestFacts } from '../../src/model/request-facts.js'
import { LATER_MATCHERS, matcherTable } from '../../src/rules/matchers.js'
import { factsOf } from './facts-of.js'

function matches(name: string, values: readonly string[], facts: Partial<RequestFacts>): boolean {
  return factoryOf(name)(values)(factsOf(facts))
}

function factoryOf(name: string): MatcherFactory {
  const factory = matcherTable().get(name)
  if (!factory) throw new Error(`there is no ${name}`)
  return factory
}

const always: MatcherFactory = () => () => true

describe('Host', () => {
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
    ['a name with an underscore', ['my_svc.local'], 'my_svc.local', true],
  ])('and %s', (_what, values, host, expected) => {
    expect(matches('Host', values, { host })).toBe(expected)
  })

  it.each([
    ['a port', 'a.test:80'],
    ['a wildcard', '*.a.test'],
    ['a blank', 'a b'],
    ['an empty label', 'a..b'],
    ['a leading dot', '.a.test'],
    ['nothing but a dot', '.'],
    ['a URL', 'http://a.test'],
    ['a path', 'a.test/x'],
    ['a path in another script', 'a.test/é'],
    ['a tab inside', 'a\tb.test'],
    ['an at sign', 'é@a.test'],
    ['braces', '{sub}.a.test'],
    ['an IPv6 address without brackets', '::1'],
    ['a name that no machine can have', 'xn--é.test'],
  ])('refuses a value with %s', (_what, value) => {
    expect(() => factoryOf('Host')([value])).toThrow(`${JSON.stringify(value)} is no host name`)
  })
})

describe('Path', () => {
  it.each([
    ['the very path', '/a/b', '/a/b', true],
    ['a path below', '/a', '/a/b', false],
    ['a trailing slash', '/a', '/a/', false],
    ['another case', '/a', '/A', false],
    ['a rule with an escape that is none needed', '/%61', '/a', true],
    ['a rule with dot segments', '/x/../a', '/a', true],
    ['an encoded slash', '/a%2Fb', '/a%2Fb', true],
    ['an encoded slash and a plain one', '/a%2Fb', '/a/b', false],
  ])('and %s', (_what, value, path, expected) => {
    expect(matches('Path', [value], { path })).toBe(expected)
  })

  it('takes any of several', () => {
    expect(matches('Path', ['/a', '/b'], { path: '/b' })).toBe(true)
    expect(matches('Path', ['/a', '/b'], { path: '/c' })).toBe(false)
  })
})

describe('PathPrefix', () => {
  it.each([
    [['/bar'], '/bar', true],
    [['/bar'], '/bar/x', true],
    [['/bar'], '/barn', true],
    [['/bar/'], '/bar', false],
    [['/bar/'], '/bar/x', true],
    [['/'], '/anything', true],
    [['/bar'], '/x/bar', false],
    [['/a', '/b'], '/b/c', true],
    [['/a', '/b'], '/c', false],
    [['/x/../bar'], '/barn', true],
  ])('%j and %s: %s', (values, path, expected) => {
    expect(matches('PathPrefix', values, { path })).toBe(expected)
  })
})

describe.each(['Path', 'PathPrefix'])('%s', (name) => {
  it.each([
    ['no leading slash', 'bar', /a path begins with "\/"/],
    ['braces', '/{id:[0-9]+}', /regular expressions in rules are not supported yet/],
    ['a query', '/a?b', /can never match/],
    ['a fragment', '/a#b', /can never match/],
    ['a blank', '/a b', /can never match/],
    ['a letter that must be encoded', '/é', /can never match/],
  ])('refuses a value with %s', (_what, value, reason) => {
    expect(() => factoryOf(name)([value])).toThrow(reason)
    expect(() => factoryOf(name)([value])).toThrow(JSON.stringify(value))
  })
})

describe('Method', () => {
  it.each([
    [['GET'], 'GET', true],
    [['get'], 'GET', true],
    [['GET'], 'HEAD', false],
    [['GET', 'post'], 'POST', true],
    [['GET', 'POST'], 'PUT', false],
    [['M-SEARCH'], 'M-SEARCH', true],
  ])('%j and %s: %s', (values, method, expected) => {
    expect(matches('Method', values, { method })).toBe(expected)
  })

  it.each(['GET POST', 'GÉT', 'GET/1', ''])('refuses %j', (value) => {
    expect(() => factoryOf('Method')([value])).toThrow(`${JSON.stringify(value)} is no method`)
  })
})

describe('Headers', () => {
  it.each<[string, string[], RequestFacts['headers'], boolean]>([
    ['the value', ['X-Env', 'qas'], { 'x-env': 'qas' }, true],
    ['a name in another case', ['x-ENV', 'qas'], { 'x-env': 'qas' }, true],
    ['a value in another case', ['X-Env', 'qas'], { 'x-env': 'QAS' }, false],
    ['a value that holds it', ['X-Env', 'qas'], { 'x-env': 'qas2' }, false],
    ['no such header', ['X-Env', 'qas'], {}, false],
    ['one of several lines', ['X-Env', 'qas'], { 'x-env': ['dev', 'qas'] }, true],
    ['none of several lines', ['X-Env', 'qas'], { 'x-env': ['dev', 'prod'] }, false],
    ['all of two headers', ['X-Env', 'qas', 'X-Zone', 'b'], { 'x-env': 'qas', 'x-zone': 'b' }, true],
    ['one of two headers', ['X-Env', 'qas', 'X-Zone', 'b'], { 'x-env': 'qas' }, false],
    ['an inherited name', ['constructor', 'x'], {}, false],
    ['a header called __proto__', ['__proto__', 'x'], JSON.parse('{"__proto__":"x"}'), true],
  ])('and %s', (_what, values, headers, expected) => {
    expect(matches('Headers', values, { headers })).toBe(expected)
  })

  it.each([[['X-Env']], [['X-Env', 'qas', 'X-Zone']]])(
    'refuses %j: names and values come in turn',
    (values) => {
      expect(() => factoryOf('Headers')(values)).toThrow(
        `expected names and values in turn, like Headers:X-Env,qas; found ${values.length} parts`,
      )
    },
  )

  it('refuses a name that no header can have', () => {
    expect(() => factoryOf('Headers')(['X Env', 'qas'])).toThrow('"X Env" is no header name')
  })
})

describe('ClientIP', () => {
  it.each([
    [['10.1.1.0/24'], '10.1.1.7', true],
    [['10.1.1.0/24'], '10.1.2.7', false],
    [['10.1.1.0/24', '2001:db8::/32'], '2001:db8::7', true],
    [['10.1.1.7'], '::ffff:10.1.1.7', true],
    [['::ffff:10.1.1.7'], '10.1.1.7', true],
    [['0.0.0.0/0', '::/0'], 'unknown', false],
    [['0.0.0.0/0', '::/0'], '', false],
  ])('%j and %s: %s', (values, clientAddress, expected) => {
    expect(matches('ClientIP', values, { clientAddress })).toBe(expected)
  })

  it('reports every range that does not parse, with its index and INVALID_RANGE', () => {
    const attempt = () => factoryOf('ClientIP')(['10.0.0.0/33', '10.0.0.0/8', '1/8'])
    expect(attempt).toThrow(
      expect.objectContaining({
        issues: [
          {
            path: '0',
            code: 'INVALID_RANGE',
            message: expect.stringContaining('"10.0.0.0/33" is no address range'),
          },
          { path: '2', code: 'INVALID_RANGE', message: expect.stringContaining('"1/8" is no address range') },
        ],
      }),
    )
  })
})

describe('matcherTable', () => {
  it('has ours in the order of canonical rule text', () => {
    expect([...matcherTable().keys()]).toEqual([
      'Host',
      'Path',
      'PathPrefix',
      'Method',
      'Headers',
      'ClientIP',
    ])
  })

  it("has the host's own behind ours, in this table only", () => {
    const table = matcherTable({ Tenant: always })
    expect([...table.keys()].at(-1)).toBe('Tenant')
    expect(table.get('Tenant')).toBe(always)
    expect(matcherTable().has('Tenant')).toBe(false)
  })

  it.each(['Host', 'host', 'CLIENTIP', ...LATER_MATCHERS])(
    'refuses one that is called %s: the name is taken',
    (name) => {
      const attempt = () => matcherTable({ [name]: always })
      expect(attempt).toThrow(ProxyError)
      expect(attempt).toThrow(
        expect.objectContaining({
          code: 'PROXY_OPTION_INVALID',
          message: `matchers.${name}: Switchover has a matcher of this name`,
        }),
      )
    },
  )

  it.each(['tenant', 'My Tenant', 'Ten:ant', 'Ten;ant', '9Tenant', '', '__proto__', 'Tenant('])(
    'refuses one that is called %j: it could not stand in a rule',
    (name) => {
      const own = Object.fromEntries([[name, always]])
      expect(() => matcherTable(own)).toThrow(
        expect.objectContaining({
          code: 'PROXY_OPTION_INVALID',
          message: expect.stringContaining('expected a name like "Tenant"'),
        }),
      )
    },
  )

  it('gives no matcher under an inherited name', () => {
    expect(matcherTable().get('constructor')).toBeUndefined()
    expect(matcherTable({ Tenant: always }).get('toString')).toBeUndefined()
  })

  it('compiles values once, not at every request', () => {
    const compiled = vi.fn(always)
    const test = matcherTable({ Tenant: compiled }).get('Tenant')?.(['a'])
    for (let count = 0; count < 3; count++) test?.(factsOf())
    expect(compiled).toHaveBeenCalledTimes(1)
  })
})

describe('an IPv6 host', () => {
  it.each(['[::1]', '[0:0::1]', '[0:0:0:0:0:0:0:1]'])(
    'is the same host when a rule spells it %s',
    (spelling) => {
      expect(matches('Host', [spelling], { host: '[::1]' })).toBe(true)
    },
  )
})
