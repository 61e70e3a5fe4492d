import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compileRegexp, literally } from '../../src/rules/regexps.js'
import { cpuMsOf } from '../support/cpu-time.js'

describe('compileRegexp', () => {
  it.each([
    ['some part of a text', 'b+', 'abbc', true],
    ['no part of it', 'b+', 'acd', false],
    ['all of it with anchors', '^b+$', 'bbc', false],
    ['classes', '^[a-c\\d]+$', 'ab9', true],
    ['alternatives', '^(?:a|b)$', 'b', true],
    ['counted repetitions', '^a{2,3}$', 'aaaa', false],
    ['flags', '(?i)^A$', 'a', true],
    ['classes of Unicode', '^\\p{Greek}+$', 'αβγ', true],
    ['classes of POSIX', '^[[:digit:]]+$', '123', true],
    ['literal text', '^\\Qa.b\\E$', 'axb', false],
    ['ends of text', '\\Aa\\z', 'a', true],
    ['word boundaries', '\\bb\\b', 'a b c', true],
    ['lazy repetitions', '^a+?$', 'aaa', true],
    ['a "." that is no line break', '^.$', '\n', false],
    ['a "$" that is the end of the text alone', 'a$', 'a\n', false],
  ])("knows RE2's %s", (_what, source, text, expected) => {
    expect(compileRegexp(source).test(text)).toBe(expected)
  })

  it('minds the case, but where it is told not to', () => {
    expect(compileRegexp('^a$').test('A')).toBe(false)
    expect(compileRegexp('^a$', { ignoreCase: true }).test('A')).toBe(true)
  })

  it.each([
    ['nothing', '', 'an empty regular expression would match everything'],
    ['an open group', '(a', '"(a" is not a regular expression: missing closing ): `(a`'],
    ['an open class', '[a', '"[a" is not a regular expression: missing closing ]: `[a`'],
    ['a repetition of nothing', '*', /missing argument to repetition operator: `\*`$/],
    ['a class the wrong way round', '[b-a]', /invalid character class range: `b-a`$/],
    ['a backslash at the end', 'a\\', /trailing backslash at end of expression/],
    ['a repetition too high', 'a{1001}', /invalid repeat count: `\{1001\}`$/],
    ['repetitions within repetitions too high', '((a{9}){9}){15}', /invalid repeat count/],
    ['what looks ahead, which takes no linear time', '(?=a)', /invalid or unsupported Perl syntax: `\(\?=`$/],
    ['what looks behind', '(?<!a)b', /invalid or unsupported Perl syntax|invalid named capture/],
    ['what refers back', '(a)\\1', /invalid escape sequence: `\\1`$/],
  ])('refuses %s', (_what, source, message) => {
    expect(() => compileRegexp(source)).toThrow(message)
  })

  it('refuses what is longer than 2,000 characters, without quoting all of it', () => {
    expect(() => compileRegexp('[a-b]'.repeat(400))).not.toThrow(/characters/)
    expect(() => compileRegexp('a'.repeat(2_001))).toThrow(
      `"${'a'.repeat(100)}..." has 2001 characters; a regular expression has at most 2000`,
    )
  })

  it.each(['x{999}', '(x{100}){10}', '(?:[a-z]{1,10}){80}', '(?:abcde){300}'])(
    'refuses what its repetitions make too large: %s',
    (source) => {
      expect(() => compileRegexp(source)).toThrow(
        /is too large: with its repetitions it has \d+ steps; expected at most 1000$/,
      )
    },
  )

  it('takes what is large, but not too large', () => {
    expect(compileRegexp('^x{900}$').test('x'.repeat(900))).toBe(true)
    expect(compileRegexp('^x{900}$').test('x'.repeat(901))).toBe(false)
  })

  it('answers the same for texts of any length', () => {
    const regexp = compileRegexp('^(?:ab)+c$')
    for (const length of [1, 10, 511, 512, 513, 1_000, 8_000]) {
      expect(regexp.test(`${'ab'.repeat(length)}c`)).toBe(true)
      expect(regexp.test(`${'ab'.repeat(length)}d`)).toBe(false)
    }
  })
})

describe('endIn', () => {
  it.each([
    ['where the first match ends', 'b+', 'abbcbbb', 3],
    ['the start, of an empty match', 'x*', 'abc', 0],
    ['nothing', '^b', 'ab', -1],
    ['the longest of a greedy one', '^/[^/]+', '/ab/c', 3],
    ['the shortest of a lazy one', '^/.+?', '/ab/c', 2],
    ['the first of alternatives', '^(?:a|ab)', 'ab', 1],
  ])('is %s', (_what, source, text, end) => {
    expect(compileRegexp(source).endIn(text)).toBe(end)
  })
})

describe('replaceIn', () => {
  it.each([
    ['every match', 'a', 'banana', 'o', 'bonono'],
    ['nothing, if nothing matches', 'x', 'abc', 'y', 'abc'],
    ['groups by number', '^/old/(.*)$', '/old/a/b', '/new/$1', '/new/a/b'],
    ['two groups in another order', '(a)(b)', 'ab', '$2$1', 'ba'],
    ['the whole match', 'b+', 'abbc', '[$0]', 'a[bb]c'],
    ['groups in braces', '(a)', 'a', `\${1}0`, 'a0'],
    ['groups by name', '(?P<id>[0-9]+)', '/42', `n\${id}`, '/n42'],
    ['groups by name, without braces', '(?P<id>[0-9]+)', '/42', '$id-', '/42-'],
    ['a name that goes on: another group, which is empty', '(a)', 'a', '$1x', ''],
    ['a group that there is not', '(a)', 'a', `[$2|\${b}]`, '[|]'],
    ['a group that took nothing', '(a)|(b)', 'b', '[$1|$2]', '[|b]'],
    ['a dollar', 'a', 'a', '$$1', '$1'],
    ['a dollar that says nothing', 'a', 'a', '$-$', '$-$'],
    ['braces that are no group', 'a', 'a', `\${}\${-}`, `\${}\${-}`],
    ['what JavaScript would take for more', 'b', 'abc', "$&$`$'", "a$&$`$'c"],
    ['empty matches, but not behind another', 'a*', 'baac', 'x', 'xbxcx'],
  ])('replaces %s', (_what, source, text, replacement, expected) => {
    expect(compileRegexp(source).replaceIn(text, replacement)).toBe(expected)
  })
})

describe('hostile texts and expressions', () => {
  const long = 'a'.repeat(16 * 1024)

  it.each([
    ['^(a+)+$', `${long}b`],
    ['^(a|a)*$', `${long}b`],
    ['^(a|aa)+$', `${long}b`],
    ['(a*)*b', long],
    ['(.*a){20}c', long],
    ['(?:a?){200}a{200}b', long],
    ['^(?:.*){20}b$', long],
    ['([a-z]+[0-9]*)+!', long],
    ['(?i)(a+)+B', `${long}c`],
  ])('%s takes linear time', (source, text) => {
    const regexp = compileRegexp(source)
    const ms = cpuMsOf(() => {
      expect(regexp.test(text)).toBe(false)
      expect(regexp.endIn(text)).toBe(-1)
      expect(regexp.replaceIn(text, 'x')).toBe(text)
    })
    expect(ms).toBeLessThan(20_000)
  })

  it('an expression of the greatest length is compiled or refused at once', () => {
    const ms = cpuMsOf(() => {
      for (const source of ['('.repeat(2_000), '(a|'.repeat(660), 'a{9}'.repeat(500), '[^a]'.repeat(500)]) {
        try {
          compileRegexp(source)
        } catch {
          // Refused is as well.
        }
      }
    })
    expect(ms).toBeLessThan(10_000)
  })

  it('never make anything but an Error with a sentence of it', () => {
    const piece = fc.constantFrom(
      ...[
        'a',
        '(',
        ')',
        '[',
        ']',
        '{',
        '}',
        '1,2',
        '*',
        '+',
        '?',
        '|',
        '\\',
        '^',
        '$',
        '(?P<n>',
        '(?i',
        '\\p',
      ],
      ...['\\Q', '\\E', '[:', ':]', '-', '.', ',', '\ud800', 'é', '\u0000'],
    )
    const source = fc.oneof(
      fc.string(),
      fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join('')),
    )
    fc.assert(
      fc.property(source, fc.string(), (expression, text) => {
        try {
          const regexp = compileRegexp(expression)
          expect(regexp.endIn(text) >= 0).toBe(regexp.test(text))
        } catch (thrown) {
          expect((thrown as Error).message).toMatch(/regular expression|too large/)
        }
      }),
      { numRuns: 2000 },
    )
  })
})

describe('literally', () => {
  it('makes any text an expression that takes it alone', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.string(), (text, other) => {
        const regexp = compileRegexp(`^${literally(text)}$`)
        expect(regexp.test(text)).toBe(true)
        expect(regexp.test(other)).toBe(other === text)
      }),
    )
  })

  it.each([...'\\^$.*+?()[]{}|'])('quotes %s', (sign) => {
    expect(compileRegexp(`^a${literally(sign)}b$`).test(`a${sign}b`)).toBe(true)
  })
})
