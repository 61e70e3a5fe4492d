import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compileRegexp } from '../../src/rules/regexps.js'
import { hasBraces, parseTemplate } from '../../src/rules/templates.js'

/** Whether all of a text is what a template says. */
function takes(template: string, separator: '.' | '/' | '', text: string): boolean {
  return compileRegexp(`^${parseTemplate(template, separator).source}$`).test(text)
}

describe('hasBraces', () => {
  it.each([
    ['a.b', false],
    ['', false],
    ['{a}', true],
    ['a{', true],
    ['}a', true],
  ])('%j: %s', (value, expected) => {
    expect(hasBraces(value)).toBe(expected)
  })
})

describe('parseTemplate', () => {
  it.each<[string, '.' | '/' | '', string, string]>([
    ['{a}.test', '.', '[^.]+\\.test', ''],
    ['/x/{a}', '/', '/x/[^/]+', '/x/'],
    ['{a}', '', '.*', ''],
    ['/{id:[0-9]+}', '/', '/(?:[0-9]+)', '/'],
    ['/{id:[0-9]{1,3}}/{b}', '/', '/(?:[0-9]{1,3})/[^/]+', '/'],
    ['{a:x|y}z', '.', '(?:x|y)z', ''],
    ['{a:b:c}', '.', '(?:b:c)', ''],
    ['a.b', '.', 'a\\.b', 'a.b'],
  ])('makes %j, separated by %j, the expression %s behind %j', (value, separator, source, beginning) => {
    expect(parseTemplate(value, separator)).toEqual({ source, beginning })
  })

  it.each<[string, string, '.' | '/' | '', string, boolean]>([
    ['text outside groups literally', '(a+){n:[0-9]}$', '.', '(a+)7$', true],
    ['no sign outside groups as one of expressions', 'a+{n:[0-9]}', '.', 'aa7', false],
    ['a group up to its separator', '{a}.{b}', '.', 'x.y', true],
    ['no group beyond its separator', '{a}.{b}', '.', 'x.y.z', false],
    ['other separators within a group', '{a}', '/', 'x.y', true],
    ['no empty group', '{a}.test', '.', '.test', false],
    ['an empty group where nothing separates', '{a}', '', '', true],
    ['flags within their group only', '{a:(?i)x}y', '.', 'Xy', true],
    ['no flags beyond their group', '{a:(?i)x}y', '.', 'XY', false],
    ['anchors in an expression', '{a:^x$}', '.', 'x', true],
  ])('takes %s', (_what, template, separator, text, expected) => {
    expect(takes(template, separator, text)).toBe(expected)
  })

  it('changes the text outside groups as it is told, before that is quoted', () => {
    const upper = (text: string) => text.toUpperCase()
    expect(parseTemplate('a.{n:x}b', '.', upper)).toEqual({ source: 'A\\.(?:x)B', beginning: 'A.' })
    expect(parseTemplate('a.b', '.', upper)).toEqual({ source: 'A\\.B', beginning: 'A.B' })
  })

  it.each([
    ['a brace that is open', 'a{b', '"a{b" can never match: its braces are not balanced'],
    ['a brace that opens none', 'a}b', '"a}b" can never match: its braces are not balanced'],
    ['braces the wrong way round', '}a{', '"}a{" can never match: its braces are not balanced'],
    ['a pair and an open one', '{a}{b', '"{a}{b" can never match: its braces are not balanced'],
    ['a pair closed twice', '{a}}', '"{a}}" can never match: its braces are not balanced'],
    ['a group of nothing', 'a{}b', '"{}" has no name; expected {name} or {name:regexp}'],
    ['a group of blanks', '{ }', '"{ }" has no name; expected {name} or {name:regexp}'],
    ['a group of an expression alone', '{:x}', '"{:x}" has no name; expected {name} or {name:regexp}'],
    ['an empty expression', '{a:}', 'an empty regular expression would match everything'],
    ['an expression that is none', '{a:(b}', '"(b" is not a regular expression: missing closing ): `(b`'],
    ['an expression that closes a group', '{a:b)}', /^"b\)" is not a regular expression: /],
    ['one that closes its own and opens another', '{a:b)(c}', /^"b\)\(c" is not a regular expression: /],
    ['one that ends with a backslash', '{a:b\\}', /^"b\\\\" is not a regular expression: /],
  ])('refuses %s', (_what, value, message) => {
    expect(() => parseTemplate(value, '.')).toThrow(message)
  })

  it('takes any text without braces for itself alone', () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 1 }).filter((text) => !hasBraces(text)),
        fc.string(),
        (value, other) => {
          expect(takes(value, '.', value)).toBe(true)
          expect(takes(value, '.', other)).toBe(other === value)
        },
      ),
    )
  })

  it('either refuses a text with braces, or makes it an expression that compiles', () => {
    const piece = fc.constantFrom('{', '}', 'a', ':', '[0-9]', '{1,2}', '(', ')', '|', '\\', '.', '{n:x}')
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        let source: string
        try {
          source = parseTemplate(pieces.join(''), '/').source
        } catch (thrown) {
          expect((thrown as Error).message).toMatch(/can never match|has no name|regular expression/)
          return
        }
        expect(() => compileRegexp(`^${source}$`)).not.toThrow()
      }),
      { numRuns: 1000 },
    )
  })
})
