import { describe, expect, it } from 'vitest'
import type { CompiledMatcher } from '../../src/rules/compiled-matcher.js'
import {
  addPrefix,
  compileRewrite,
  replacePath,
  replacePathRegex,
  stripPath,
  stripPathRegex,
  stripPrefix,
  stripPrefixRegex,
} from '../../src/rules/path-modifiers.js'
import { factsOf } from '../support/facts-of.js'

/** What matchers make of a path together. */
function rewritten(path: string, ...matchers: CompiledMatcher[]) {
  return compileRewrite(matchers.flatMap(({ modifier }) => modifier ?? []))?.(path)
}

function pathOf(path: string, ...matchers: CompiledMatcher[]): string | undefined {
  return rewritten(path, ...matchers)?.path
}

const strip = (...values: string[]) => stripPrefix('groups')(values)

describe('what strips', () => {
  it.each([
    ['a prefix', ['/api'], '/api/users', '/users', '/api'],
    ['a prefix within a segment', ['/api'], '/apiary', '/ary', '/api'],
    ['a prefix that is all', ['/api'], '/api', '/', '/api'],
    ['a prefix with a slash', ['/api/'], '/api/users', '/users', '/api/'],
    ['the root, which cuts nothing', ['/'], '/users', '/users', '/'],
    ['the longest of several that hold', ['/a', '/a/b', '/a/b/c'], '/a/b/x', '/x', '/a/b'],
    ['the longest, whatever their order', ['/a/b/c', '/a', '/a/b'], '/a/b/x', '/x', '/a/b'],
    ['the only one of several that holds', ['/long/prefix', '/a'], '/a/x', '/x', '/a'],
    ['a prefix in normal form', ['/%61pi'], '/api/x', '/x', '/api'],
    ['the longest in normal form', ['/%61%62', '/abc'], '/abc/x', '/x', '/abc'],
    ['the longest behind its dot segments', ['/x/../a', '/ab'], '/ab/x', '/x', '/ab'],
    ['what is encoded, byte for byte', ['/a%2Fb'], '/a%2Fb/c%2Fd', '/c%2Fd', '/a%2Fb'],
    ['a prefix before empty segments', ['/api'], '/api//users', '/users', '/api'],
    ['a prefix before many slashes', ['/api'], '/api////users//x', '/users//x', '/api'],
    ['a group', ['/v{n:[0-9]+}'], '/v12/x', '/x', '/v12'],
    ['a group without an expression', ['/{any}'], '/abc/x', '/x', '/abc'],
    ['dot segments that are left at the front', ['/static'], '/static../x', '/x', '/static'],
    ['several of them', ['/static'], '/static../../x', '/x', '/static'],
    ['a single dot', ['/static'], '/static./x', '/x', '/static'],
    ['dot segments and empty ones behind them', ['/static'], '/static..//x', '/x', '/static'],
  ])('cuts %s: PathPrefixStrip:%j', (_what, values, path, cut, prefix) => {
    expect(rewritten(path, strip(...values))).toEqual({ path: cut, headers: ['X-Forwarded-Prefix', prefix] })
  })

  it('begins with one slash, whatever is cut', () => {
    for (const rest of ['', '/', '//', '..', '/..', '..//', '/..//x', '//x', './/x', '../..//..//x']) {
      expect(pathOf(`/s${rest}`, strip('/s'))).toMatch(/^\/(?!\/)/)
    }
  })

  it.each([
    ['a whole path', stripPath('groups', true)(['/a/b']), '/a/b', '/', '/a/b'],
    ['one of several', stripPath('groups', true)(['/a', '/a/b']), '/a', '/', '/a'],
    ['a whole path with a group', stripPath('groups', true)(['/{n:[0-9]+}']), '/42', '/', '/42'],
    ['the same by its other name', stripPathRegex(true)(['/a/{n:[0-9]+}']), '/a/42', '/', '/a/42'],
    ['a prefix with a group', stripPrefixRegex(['/a/{n:[0-9]+}']), '/a/42/b', '/b', '/a/42'],
    ['no more than a group takes', stripPrefixRegex(['/{n:[0-9]{1,2}}']), '/421', '/1', '/42'],
  ])('cuts %s', (_what, matcher, path, cut, prefix) => {
    expect(matcher.test(factsOf({ path }))).toBe(true)
    expect(rewritten(path, matcher)).toEqual({ path: cut, headers: ['X-Forwarded-Prefix', prefix] })
  })

  it.each([
    ['PathStrip', stripPath('groups', true)(['/a'])],
    ['PathStripRegex', stripPathRegex(true)(['/{n:[a-z]}'])],
    ['PathPrefixStrip', strip('/a')],
    ['PathPrefixStripRegex', stripPrefixRegex(['/{n:a}'])],
  ])('is a matcher too: %s', (name, { test, needs }) => {
    expect(test(factsOf({ path: '/a' }))).toBe(true)
    expect(test(factsOf({ path: '/b1' }))).toBe(false)
    expect(test(factsOf({ path: '/a/b' }))).toBe(name.startsWith('PathPrefix'))
    expect(needs).toBeDefined()
  })

  it('leaves a path alone that it does not hold for', () => {
    expect(rewritten('/b/c', strip('/a'))).toEqual({ path: '/b/c', headers: [] })
  })

  it('refuses braces where they are no groups', () => {
    expect(() => stripPrefix('refused')(['/{a}'])).toThrow(/has braces/)
    expect(() => stripPath('refused', true)(['/{a}'])).toThrow(/has braces/)
  })

  it('sends to the other slash form as Path does', () => {
    for (const compile of [stripPath('groups', false), stripPathRegex(false)]) {
      expect(compile(['/a']).otherSlash?.('/a/')).toBe('/a')
      expect(compile(['/a']).test(factsOf({ path: '/a/' }))).toBe(true)
    }
    expect(strip('/a').otherSlash).toBeUndefined()
  })
})

describe('what adds and replaces', () => {
  it.each([
    ['a prefix', addPrefix(['/api']), '/x', '/api/x'],
    ['a prefix whose slash is one too many', addPrefix(['/api/']), '/x', '/api/x'],
    ['a prefix of nothing', addPrefix(['/']), '/x', '/x'],
    ['a prefix to the root', addPrefix(['/api']), '/', '/api/'],
    ['a prefix in normal form', addPrefix(['/x/../%61pi']), '/b', '/api/b'],
  ])('adds %s, and tells nobody', (_what, matcher, path, made) => {
    expect(rewritten(path, matcher)).toEqual({ path: made, headers: [] })
  })

  it.each([
    ['the whole path', replacePath(['/new']), '/old/x', '/new'],
    ['matches', replacePathRegex(['^/old/(.*) /new/$1']), '/old/x', '/new/x'],
    ['every match', replacePathRegex(['a b']), '/a/a', '/b/b'],
    ['matches, and puts the slash before that is missing', replacePathRegex(['^/ new/']), '/x', '/new/x'],
    ['matches by groups with names', replacePathRegex([`^/(?P<n>[0-9]+) /n\${n}`]), '/42/x', '/n42/x'],
    ['matches, behind many blanks', replacePathRegex(['^/old   /new']), '/old', '/new'],
  ])('replaces %s, and tells what was there', (_what, matcher, path, made) => {
    expect(rewritten(path, matcher)).toEqual({ path: made, headers: ['X-Replaced-Path', path] })
  })

  it('refuses a path that makes a dot segment when matches are replaced', () => {
    for (const [value, path] of [
      ['a ..', '/x/a/y'],
      ['^/u-(.*) /files/$1', '/u-../secret'],
    ] as const)
      expect(() => rewritten(path, replacePathRegex([value]))).toThrow('would make a dot segment')
  })

  it('refuses a path in which there are too many places to replace', () => {
    expect(() => rewritten('/a'.repeat(101), replacePathRegex(['a b']))).toThrow('more than 100 places')
  })

  it('leaves a path alone in which nothing matches', () => {
    expect(rewritten('/x', replacePathRegex(['^/old /new']))).toEqual({ path: '/x', headers: [] })
  })

  it('holds for every request', () => {
    for (const matcher of [addPrefix(['/a']), replacePath(['/a']), replacePathRegex(['^/never /a'])]) {
      expect(matcher.test(factsOf({ path: '/x' }))).toBe(true)
      expect(matcher.needs).toBeUndefined()
    }
  })

  it.each<[string, () => unknown, RegExp]>([
    ['a prefix without a slash', () => addPrefix(['api']), /a path begins with "\/"/],
    ['two prefixes', () => addPrefix(['/a', '/b']), /expected one value, like AddPrefix:\/api; found 2/],
    ['a replacement without a slash', () => replacePath(['new']), /a path begins with "\/"/],
    ['a replacement with a query', () => replacePath(['/new?x']), /can never match|cannot be a path/],
    [
      'two replacements',
      () => replacePath(['/a', '/b']),
      /expected one value, like ReplacePath:\/new; found 2/,
    ],
    [
      'an expression alone',
      () => replacePathRegex(['^/old']),
      /expected a regular expression, a blank and a replacement, like ReplacePathRegex:\^\/old/,
    ],
    ['a text too many', () => replacePathRegex(['a b c']), /expected a regular expression, a blank and/],
    ['an expression that is none', () => replacePathRegex(['(a /b']), /missing closing \)/],
    ['a replacement that is no path', () => replacePathRegex(['a /b?c']), /"\/b\?c" cannot be a path/],
    ['two values', () => replacePathRegex(['a /b', 'c /d']), /expected one value, like ReplacePathRegex/],
  ])('refuses %s', (_what, compile, message) => {
    expect(compile).toThrow(message)
  })
})

describe('compileRewrite', () => {
  const stripRegex = stripPrefixRegex(['/v{n:[0-9]+}'])
  const every = [
    replacePath(['/last']),
    replacePathRegex(['^/p/ /q/']),
    addPrefix(['/p']),
    strip('/a'),
    stripRegex,
  ]

  it('is nothing if there is nothing to change', () => {
    expect(compileRewrite([])).toBeUndefined()
  })

  it('strips by expression, strips, adds, replaces matches, replaces all, whatever their order', () => {
    for (const matchers of [every, every.toReversed()]) {
      expect(rewritten('/v1/a/x', ...matchers)).toEqual({
        path: '/last',
        headers: [
          ...['X-Forwarded-Prefix', '/v1', 'X-Forwarded-Prefix', '/a'],
          ...['X-Replaced-Path', '/p/x', 'X-Replaced-Path', '/q/x'],
        ],
      })
    }
  })

  it.each([
    ['strip and add', [addPrefix(['/p']), strip('/a')], '/a/x', '/p/x'],
    ['strip by expression before strip', [strip('/a'), stripRegex], '/v1/a/x', '/x'],
    ['not the other way round', [strip('/a'), stripRegex], '/a/v1/x', '/v1/x'],
    ['add and replace what was added', [replacePathRegex(['^/p /q']), addPrefix(['/p'])], '/x', '/q/x'],
    ['add twice, in the order of the rule', [addPrefix(['/in']), addPrefix(['/out'])], '/x', '/out/in/x'],
  ])('does %s', (_what, matchers, path, made) => {
    expect(pathOf(path, ...matchers)).toBe(made)
  })

  it('resolves dot segments, so that no server sees any, nor one leads out of a prefix', () => {
    expect(pathOf('/s../secret', strip('/s'), addPrefix(['/public']))).toBe('/public/secret')
    expect(pathOf('/a/b', replacePathRegex(['^/a /x/../..']))).toBe('/b')
  })
})
