import { describe, expect, it } from 'vitest'
import type { CompiledMatcher } from '../../src/rules/compiled-matcher.js'
import {
  type Braces,
  matchPath,
  matchPathPrefix,
  matchPathRegexp,
  parsePath,
} from '../../src/rules/match-path.js'
import { factsOf } from '../support/facts-of.js'

function takes({ test }: CompiledMatcher, path: string): boolean | undefined {
  return test(factsOf({ path }))
}

const EVERY_FORM: readonly Braces[] = ['groups', 'literal', 'refused']

describe.each(EVERY_FORM)('in the form where braces are %s', (braces) => {
  it.each([
    ['the very path', '/a/b', '/a/b', true],
    ['a path below', '/a', '/a/b', false],
    ['a trailing slash', '/a', '/a/', false],
    ['another case', '/a', '/A', false],
    ['a rule with an escape that is none needed', '/%61', '/a', true],
    ['a rule with dot segments', '/x/../a', '/a', true],
    ['an encoded slash', '/a%2Fb', '/a%2Fb', true],
    ['an encoded slash and a plain one', '/a%2Fb', '/a/b', false],
    ['signs of regular expressions, which are literal', '/a.b(c)+', '/axb(c)+', false],
  ])('a Path and %s', (_what, value, path, expected) => {
    expect(takes(matchPath(braces)([value]), path)).toBe(expected)
  })

  it('a Path takes any of several', () => {
    expect(takes(matchPath(braces)(['/a', '/b']), '/b')).toBe(true)
    expect(takes(matchPath(braces)(['/a', '/b']), '/c')).toBe(false)
  })

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
    [['/a%2Fb'], '/a%2Fbc', true],
  ])('a PathPrefix of %j and %s: %s', (values, path, expected) => {
    expect(takes(matchPathPrefix(braces)(values), path)).toBe(expected)
  })

  it.each([
    ['no leading slash', 'bar', /a path begins with "\/"/],
    ['nothing', '', /a path begins with "\/"/],
    ['a query', '/a?b', /can never match/],
    ['a fragment', '/a#b', /can never match/],
    ['a blank', '/a b', /can never match/],
    ['a letter that must be encoded', '/é', /can never match/],
  ])('refuses a value with %s', (_what, value, reason) => {
    for (const compile of [matchPath(braces), matchPathPrefix(braces)]) {
      expect(() => compile([value])).toThrow(reason)
      expect(() => compile([value])).toThrow(JSON.stringify(value))
    }
  })

  it('says which paths it needs, and that no more is to be tested', () => {
    expect(matchPath(braces)(['/a', '/%62']).needs).toEqual({
      paths: ['/a', '/b'],
      prefixes: [],
      whole: true,
    })
    expect(matchPathPrefix(braces)(['/a', '/b/']).needs).toEqual({ prefixes: ['/a', '/b/'], whole: true })
  })
})

describe('braces', () => {
  it.each([
    ['a group', '/{id:[0-9]+}', '/42', true],
    ['what a group does not match', '/{id:[0-9]+}', '/4x', false],
    ['a group without an expression', '/{name}/x', '/a/x', true],
    ['such a group and two segments', '/{name}/x', '/a/b/x', false],
    ['such a group and an empty segment', '/{name}/x', '//x', false],
    ['a repetition', '/{id:[0-9]{1,3}}', '/1234', false],
    ['alternatives, which stay within their group', '/{a:x|y}/z', '/x/z', true],
    ['half of alternatives alone', '/{a:x|y}/z', '/x', false],
    ['text round groups, which is literal', '/a.b/{c}', '/axb/c', false],
    ['text in normal form', '/%61/{c}', '/a/c', true],
    ['a path that goes on', '/{id:[0-9]+}', '/42/x', false],
    ['a second of several', ['/a', '/{id:[0-9]+}'], '/42', true],
    ['a plain one beside a group', ['/a', '/{id:[0-9]+}'], '/a', true],
  ])('are groups in a Path of Traefik 1.7, and %s', (_what, value, path, expected) => {
    expect(takes(matchPath('groups')([value].flat()), path)).toBe(expected)
  })

  it.each([
    ['a path that goes on', '/{id:[0-9]+}', '/42/x', true],
    ['one that goes on in the segment', '/{id:[0-9]+}', '/42x', true],
    ['one that does not begin so', '/{id:[0-9]+}', '/x/42', false],
    ['one that begins elsewhere', '/v{n:[0-9]}/', '/x/v1/', false],
    ['a plain one beside it', ['/v{n:[0-9]}/', '/b'], '/b/c', true],
  ])('are groups in a PathPrefix of Traefik 1.7, and %s', (_what, value, path, expected) => {
    expect(takes(matchPathPrefix('groups')([value].flat()), path)).toBe(expected)
  })

  it.each([
    ['one that is open', '/{id', /its braces are not balanced/],
    ['one that opens none', '/id}', /its braces are not balanced/],
    ['a group without a name', '/{:[0-9]+}', /has no name/],
    ['an expression that is none', '/{id:[0-9}', /is not a regular expression/],
    ['an expression that would close its group', '/{id:a)(b}', /is not a regular expression/],
    ['no leading slash', '{id}', /a path begins with "\/"/],
    ['a query behind a group', '/{id}?x', /can never match/],
    ['dot segments before a group', '/a/../{id}', /are resolved before rules are tested/],
    ['encoded dot segments behind a group', '/{id}/%2e/x', /are resolved before rules are tested/],
  ])('of Traefik 1.7 are refused: %s', (_what, value, reason) => {
    expect(() => matchPath('groups')([value])).toThrow(reason)
    expect(() => matchPathPrefix('groups')([value])).toThrow(reason)
  })

  it('are themselves in Traefik 3', () => {
    expect(takes(matchPath('literal')(['/{id}']), '/{id}')).toBe(true)
    expect(takes(matchPath('literal')(['/{id}']), '/42')).toBe(false)
    expect(takes(matchPathPrefix('literal')(['/{']), '/{x')).toBe(true)
  })

  it.each(['/{id:[0-9]+}', '/{', '/a}'])('are refused in data: %s', (value) => {
    for (const compile of [matchPath('refused'), matchPathPrefix('refused')]) {
      expect(() => compile([value])).toThrow(
        `${JSON.stringify(value)} has braces, which are not groups in a rule given as data; use pathRegexp for a regular expression`,
      )
    }
  })

  it('leave the text before the first group to be needed', () => {
    expect(matchPath('groups')(['/a', '/b/{id}/c']).needs).toEqual({
      paths: ['/a'],
      prefixes: ['/b/'],
      whole: false,
    })
    expect(matchPathPrefix('groups')(['/{id}']).needs).toEqual({ prefixes: ['/'], whole: false })
    expect(parsePath('/%61{x}', 'groups')).toMatchObject({ text: '/a' })
  })
})

describe('a Path that does not keep trailing slashes', () => {
  it.each([
    ['the path itself', '/a', '/a', true, undefined],
    ['the path with a slash', '/a', '/a/', true, '/a'],
    ['the path without its slash', '/a/', '/a', true, '/a/'],
    ['two slashes', '/a', '/a//', false, undefined],
    ['a path below', '/a', '/a/b', false, undefined],
    ['the root', '/', '/', true, undefined],
    ['two slashes at the root', '/', '//', false, undefined],
    ['a group and a slash', '/{id:[0-9]+}', '/42/', true, '/42'],
    ['a group, and no slash', '/{id:[0-9]+}/', '/42', true, '/42/'],
    ['a group that takes the slash itself', '/{any:.*}', '/a/', true, undefined],
    ['text before a group whose slash is missing', '/a/{rest:.*}', '/a', true, '/a/'],
  ])('and %s', (_what, value, path, matches, other) => {
    const matcher = matchPath('groups', false)([value])
    expect(takes(matcher, path)).toBe(matches)
    if (matches) expect(matcher.otherSlash?.(path)).toBe(other)
  })

  it('sends nobody away who asks for one of several that is named', () => {
    const { otherSlash } = matchPath('refused', false)(['/a', '/a/'])
    expect(otherSlash?.('/a')).toBeUndefined()
    expect(otherSlash?.('/a/')).toBeUndefined()
  })

  it('needs both forms, and the text before a group without its slash', () => {
    expect(matchPath('groups', false)(['/a', '/b/', '/', '/c/{id}']).needs).toEqual({
      paths: ['/a', '/a/', '/b/', '/b', '/'],
      prefixes: ['/c'],
      whole: false,
    })
  })

  it('is not the default', () => {
    expect(matchPath('groups')(['/a']).otherSlash).toBeUndefined()
  })
})

describe('matchPathRegexp', () => {
  it.each([
    ['some part of the path', ['/v[0-9]+/'], '/api/v12/x', true],
    ['no part of it', ['/v[0-9]+/'], '/api/v/x', false],
    ['all of it, where the expression says so', ['^/v[0-9]+$'], '/v1/x', false],
    ['the second of several', ['^/a$', '^/b$'], '/b', true],
    ['the path as it was encoded', ['^/a%2Fb$'], '/a%2Fb', true],
    ['no slash at the start', ['b$'], '/ab', true],
  ])('takes %s', (_what, values, path, expected) => {
    expect(takes(matchPathRegexp(values), path)).toBe(expected)
  })

  it('reports every expression that is none, with its index', () => {
    expect(() => matchPathRegexp(['(a', 'b', '*'])).toThrow(
      expect.objectContaining({
        issues: [
          { path: '0', code: 'INVALID_RULE', message: expect.stringContaining('missing closing )') },
          { path: '2', code: 'INVALID_RULE', message: expect.stringContaining('missing argument') },
        ],
      }),
    )
  })
})
