import { describe, expect, it } from 'vitest'
import type { RequestFacts } from '../../src/model/request-facts.js'
import {
  matchHeaders,
  matchHeadersRegexp,
  matchMethod,
  matchQuery,
  matchQueryPairs,
  matchQueryRegexp,
  withoutEmptyValue,
} from '../../src/rules/match-message.js'
import { factsOf } from '../support/facts-of.js'

describe('matchMethod', () => {
  it.each([
    [['GET'], 'GET', true],
    [['get'], 'GET', true],
    [['GET'], 'HEAD', false],
    [['GET', 'post'], 'POST', true],
    [['GET', 'POST'], 'PUT', false],
    [['M-SEARCH'], 'M-SEARCH', true],
  ])('%j and %s: %s', (values, method, expected) => {
    expect(matchMethod(values).test(factsOf({ method }))).toBe(expected)
  })

  it.each(['GET POST', 'GÉT', 'GET/1', ''])('refuses %j', (value) => {
    expect(() => matchMethod([value])).toThrow(`${JSON.stringify(value)} is not a method`)
  })
})

describe('matchHeaders', () => {
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
    ['signs of regular expressions, which are literal', ['X-Env', 'q.s'], { 'x-env': 'qas' }, false],
    ['an inherited name', ['constructor', 'x'], {}, false],
    ['a header called __proto__', ['__proto__', 'x'], JSON.parse('{"__proto__":"x"}'), true],
  ])('and %s', (_what, values, headers, expected) => {
    expect(matchHeaders(values).test(factsOf({ headers }))).toBe(expected)
  })
})

describe('matchHeadersRegexp', () => {
  it.each<[string, string[], RequestFacts['headers'], boolean]>([
    ['some part of the value', ['X-Env', 'q[ab]s'], { 'x-env': 'the qas one' }, true],
    ['all of it, where the expression says so', ['X-Env', '^qas$'], { 'x-env': 'qas2' }, false],
    ['one of several lines', ['X-Env', '^q'], { 'x-env': ['dev', 'qas'] }, true],
    ['no single line, though all together', ['X-Env', 'dev.*qas'], { 'x-env': ['dev', 'qas'] }, false],
    ['all of two headers', ['X-Env', '^q', 'X-Zone', '[bc]'], { 'x-env': 'qas', 'x-zone': 'c' }, true],
    ['one of two headers', ['X-Env', '^q', 'X-Zone', '[bc]'], { 'x-env': 'qas', 'x-zone': 'd' }, false],
    ['no such header, though all would match', ['X-Env', '.*'], {}, false],
    ['an inherited name', ['toString', '.*'], {}, false],
  ])('and %s', (_what, values, headers, expected) => {
    expect(matchHeadersRegexp(values).test(factsOf({ headers }))).toBe(expected)
  })

  it('refuses an expression that is none', () => {
    expect(() => matchHeadersRegexp(['X-Env', '(a'])).toThrow(/missing closing \)/)
  })
})

describe.each([
  ['matchHeaders', matchHeaders],
  ['matchHeadersRegexp', matchHeadersRegexp],
])('%s', (_name, compile) => {
  it.each([[['X-Env']], [['X-Env', 'qas', 'X-Zone']]])(
    'refuses %j: names and values come in turn',
    (values) => {
      expect(() => compile(values)).toThrow(
        `expected pairs of a name and a value, like Headers:X-Env,qas; found ${values.length} parts`,
      )
    },
  )

  it.each(['X Env', 'X:Env', 'Xé', ''])('refuses %j: no header can have that name', (name) => {
    expect(() => compile([name, 'qas'])).toThrow(`${JSON.stringify(name)} is not a header name`)
  })

  it('refuses an empty value', () => {
    expect(() => compile(['X-Env', ''])).toThrow('expected a value for the header X-Env, found an empty one')
  })
})

describe('matchQuery', () => {
  it.each([
    ['the pair', ['k', 'v'], 'k=v', true],
    ['another value', ['k', 'v'], 'k=w', false],
    ['another case', ['k', 'v'], 'K=v', false],
    ['a pair among others', ['k', 'v'], 'a=b&k=v&c', true],
    ['one of a repeated key', ['k', 'v'], 'k=w&k=v', true],
    ['none of a repeated key', ['k', 'v'], 'k=w&k=x', false],
    ['what is encoded', ['a b', 'ü=&'], 'a%20b=%C3%BC%3D%26', true],
    ['a plus sign, which is a blank', ['k', 'a b'], 'k=a+b', true],
    ['no query', ['k', 'v'], '', false],
    ['all of two keys', ['k', 'v', 'l', 'w'], 'l=w&k=v', true],
    ['one of two keys', ['k', 'v', 'l', 'w'], 'k=v', false],
    ['a key alone', ['k'], 'k', true],
    ['a key alone and an equals sign', ['k'], 'k=', true],
    ['a key alone and a value', ['k'], 'k=v', false],
    ['a key alone, one of whose values is empty', ['k'], 'k=v&k', true],
    ['an empty value, as a key alone', ['k', ''], 'k', true],
    ['an inherited key', ['toString', ''], '', false],
  ])('and %s', (_what, values, query, expected) => {
    expect(matchQuery(values).test(factsOf({ query }))).toBe(expected)
  })

  it('looks at the query of each request anew', () => {
    const [one, other] = [matchQuery(['k', 'v']), matchQuery(['k', 'w'])]
    for (const query of ['k=v', 'k=w', 'k=v', '', 'k=w']) {
      expect(one.test(factsOf({ query }))).toBe(query === 'k=v')
      expect(other.test(factsOf({ query }))).toBe(query === 'k=w')
    }
  })
})

describe('matchQueryRegexp', () => {
  it.each([
    ['some part of the value', ['k', 'b[0-9]'], 'k=ab1c', true],
    ['no part of it', ['k', 'b[0-9]'], 'k=abc', false],
    ['one of a repeated key', ['k', '^b'], 'k=a&k=b', true],
    ['no such key, though all would match', ['k', '.*'], 'l=a', false],
    ['a key alone', ['k'], 'k', true],
    ['a key alone and a value', ['k'], 'k=v', false],
    ['all of two keys', ['k', '^a', 'l', '^b'], 'k=a1&l=b1', true],
    ['one of two keys', ['k', '^a', 'l', '^b'], 'k=a1&l=a1', false],
  ])('and %s', (_what, values, query, expected) => {
    expect(matchQueryRegexp(values).test(factsOf({ query }))).toBe(expected)
  })

  it('refuses an expression that is none', () => {
    expect(() => matchQueryRegexp(['k', '*'])).toThrow(/is not a regular expression/)
  })
})

describe.each([
  ['matchQuery', matchQuery],
  ['matchQueryRegexp', matchQueryRegexp],
])('%s', (_name, compile) => {
  it('refuses an empty key', () => {
    expect(() => compile([''])).toThrow('expected the key of a query, found an empty text')
    expect(() => compile(['', 'v'])).toThrow('expected the key of a query, found an empty text')
  })

  it('refuses a key without a value behind a pair', () => {
    expect(() => compile(['k', 'v', 'l'])).toThrow(/expected pairs of a name and a value.*found 3 parts/)
  })

  it("refuses an empty value in Traefik 3's form, where a key alone says so", () => {
    expect(() => withoutEmptyValue(compile)(['k', ''])).toThrow(
      'expected a value, found an empty one; leave it out to match an empty value',
    )
    expect(withoutEmptyValue(compile)(['k']).test(factsOf({ query: 'k' }))).toBe(true)
  })
})

describe('matchQueryPairs', () => {
  it.each([
    ['the pair', ['k=v'], 'k=v', true],
    ['another value', ['k=v'], 'k=w', false],
    ['all of two pairs', ['k=v', 'l=w'], 'l=w&k=v', true],
    ['one of two pairs', ['k=v', 'l=w'], 'k=v', false],
    ['the first of a repeated key', ['k=v'], 'k=v&k=w', true],
    ['the second of a repeated key', ['k=v'], 'k=w&k=v', false],
    ['a group', ['k={n:[0-9]+}'], 'k=42', true],
    ['what a group does not match', ['k={n:[0-9]+}'], 'k=4x', false],
    ['a group without an expression', ['k={n}'], 'k=any.thing/at all', true],
    ['text round a group', ['k=v{n:[0-9]+}!'], 'k=v42!', true],
    ['an empty value, which is any', ['k='], 'k=v', true],
    ['an empty value and no such key', ['k='], 'l=v', false],
    ['signs of regular expressions, which are literal', ['k=v.'], 'k=vx', false],
  ])('and %s', (_what, values, query, expected) => {
    expect(matchQueryPairs(values).test(factsOf({ query }))).toBe(expected)
  })

  it.each(['k', '=v', '', 'k=v=w', 'k=='])('refuses %j, which is no pair', (value) => {
    expect(() => matchQueryPairs([value])).toThrow(
      `${JSON.stringify(value)} is not a pair; expected one key, one "=" and a value, like Query:env=qas`,
    )
  })

  it('reports every one that is none, with its index', () => {
    expect(() => matchQueryPairs(['k', 'k=v', 'k={n'])).toThrow(
      expect.objectContaining({
        issues: [
          expect.objectContaining({ path: '0' }),
          expect.objectContaining({ path: '2', message: expect.stringContaining('braces are not balanced') }),
        ],
      }),
    )
  })
})
