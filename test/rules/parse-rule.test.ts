import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseRule } from '../../src/rules/parse-rule.js'
import { termsOf } from '../../src/rules/rule-tree.js'
import { cpuMsOf } from '../support/cpu-time.js'

describe('parseRule', () => {
  it.each([
    'Host(`www.example.com`)',
    'Host(`a.b`) && ClientIP(`10.0.0.0/8`)',
    '  Host ( "a.b" )',
    '!Host(`a.b`)',
    '(Host(`a.b`) || Path(`/c;d:e`))',
    '! ( ( PathPrefix(`/x`) ) )',
    '\n\tHost\n(`a.b`)',
    'Hots(a.b',
  ])("knows Traefik 3's form by a name with a parenthesis behind it: %j", (text) => {
    expect(parseRule(text).form).toBe('traefik3')
  })

  it.each([
    'Host:a.b',
    'Path:/a(b)',
    'Host : a.b',
    'PathRegexp:(a)',
    'www.example.com',
    '',
    '!Host:a.b',
    '(Host:a.b)',
    '`Host(a)`',
  ])("takes all else for Traefik 1.7's: %j", (text) => {
    expect(parseRule(text).form).toBe('traefik1')
  })

  const piece = fc.constantFrom(
    ...['Host', 'ClientIP', ':', ';', ',', ' ', '(', ')', '`', '"', '!', '&&', '||', '::1', 'a.b'],
    ...['\n', '', '{', '}', '\\', '`a`', '"b"'],
  )
  const text = fc.oneof(
    fc.string(),
    fc.string({ unit: 'binary' }),
    fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join('')),
  )

  it('never throws, and finds either matchers or problems in any text, each where it stands', () => {
    fc.assert(
      fc.property(text, (sample) => {
        const { tree, problems } = parseRule(sample)
        const terms = tree ? termsOf(tree) : []
        expect(terms.length + problems.length).toBeGreaterThan(0)
        for (const { at } of [...terms, ...problems]) {
          expect(at).toBeGreaterThanOrEqual(0)
          expect(at).toBeLessThanOrEqual(sample.length)
        }
        for (const { matcher, at } of terms) expect(sample.startsWith(matcher, at)).toBe(true)
      }),
      { numRuns: 2000 },
    )
  })

  it('takes little time for long hostile texts', () => {
    const hostile = [
      '('.repeat(200_000),
      'a'.repeat(200_000),
      ' '.repeat(200_000),
      'Host:,'.repeat(50_000),
      `Host${' '.repeat(200_000)}`,
      'Host '.repeat(50_000),
      'Host:{'.repeat(50_000),
      `Host:${'{'.repeat(100_000)}${'}'.repeat(100_000)}`,
    ]
    const ms = cpuMsOf(() => hostile.forEach((text) => void parseRule(text)))
    expect(ms).toBeLessThan(5_000)
  })
})
