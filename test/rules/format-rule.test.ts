import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { RuleSpec } from '../../src/model/config.js'
import type { RequestFacts } from '../../src/model/request-facts.js'
import { formatRule, RuleMatcher } from '../../src/rules/rule-matcher.js'
import { factsOf } from '../support/facts-of.js'
import { dataRule, requestFacts, traefik1Rule, traefik3Rule } from '../support/generated-rules.js'

describe('formatRule', () => {
  it.each<[string, string | RuleSpec, string]>([
    ['blanks and empty parts gone', ' Host : a.test,, b.test ;; Path:/x ', 'Host:a.test,b.test;Path:/x'],
    ['the order of a text', 'Path:/x;Host:a.test', 'Path:/x;Host:a.test'],
    ['values as they were written', 'Host:A.test;Method:get', 'Host:A.test;Method:get'],
    ['groups', 'Path:/{n:[0-9]{1,3}} , /b', 'Path:/{n:[0-9]{1,3}},/b'],
    ['blanks within a value', 'ReplacePathRegex: ^/a  /b', 'ReplacePathRegex:^/a  /b'],
    [
      "Traefik 3's form with its blanks",
      'Host("a")&&!(Path(`/x`)||(Path("/y")))',
      'Host(`a`) && !(Path(`/x`) || Path(`/y`))',
    ],
    [
      "Traefik 3's names as they are declared",
      'HOST(`a`) && clientip(`::1`)',
      'Host(`a`) && ClientIP(`::1`)',
    ],
    [
      'no parentheses that say nothing',
      '((Host(`a`)) && (Path(`/`) && Path(`/x`)))',
      'Host(`a`) && Path(`/`) && Path(`/x`)',
    ],
    [
      'no parentheses round and within or',
      '(Host(`a`) && Path(`/`)) || Host(`b`)',
      'Host(`a`) && Path(`/`) || Host(`b`)',
    ],
    [
      'parentheses round or within and',
      '(Host(`a`) || Host(`b`)) && Path(`/`)',
      '(Host(`a`) || Host(`b`)) && Path(`/`)',
    ],
    ['parentheses round what is negated', '!(Host(`a`) && Path(`/`))', '!(Host(`a`) && Path(`/`))'],
    ['no parentheses round one that is negated', '!(Host(`a`))', '!Host(`a`)'],
    ['not of not', '!(!Host(`a`))', '!!Host(`a`)'],
    ['backticks by double quotes', 'Header(`a`, "x`y\\"z")', 'Header(`a`, "x`y\\"z")'],
    ['backslashes without escapes', 'PathRegexp("^/\\\\d+$")', 'PathRegexp(`^/\\d+$`)'],
    [
      'data in the order of the table',
      { clientIp: '::1', host: ['a.test', 'b.test'] },
      'Host:a.test,b.test;ClientIP:::1',
    ],
    ['data of headers', { headers: { 'X-Env': 'a:b' } }, 'Headers:X-Env,a:b'],
    [
      'data with groups',
      { pathStripRegex: ['/{id:[0-9]{1,3}}', '/b'] },
      'PathStripRegex:/{id:[0-9]{1,3}},/b',
    ],
    ['data of any of one', { host: 'a', any: [{ path: '/x' }] }, 'Host:a;Path:/x'],
    ['data of a matcher of Traefik 3', { host: 'a', pathRegexp: '^/x' }, 'Host(`a`) && PathRegexp(`^/x`)'],
    ['data of host expressions, which are others in 1.7', { hostRegexp: '^a' }, 'HostRegexp(`^a`)'],
    [
      'data of queries, which are others in 1.7',
      { query: { k: 'v', l: '' } },
      'Query(`k`, `v`) && Query(`l`)',
    ],
    [
      'data of query expressions',
      { queryRegexp: { k: '^v', l: '' } },
      'QueryRegexp(`k`, `^v`) && QueryRegexp(`l`)',
    ],
    [
      'data of any',
      { any: [{ host: 'a' }, { path: '/', method: 'GET' }] },
      'Host(`a`) || Path(`/`) && Method(`GET`)',
    ],
    [
      'data of any beside others',
      { method: 'GET', any: [{ host: 'a' }, { host: 'b' }] },
      'Method(`GET`) && (Host(`a`) || Host(`b`))',
    ],
    [
      'data of several values',
      { host: ['a', 'b'], not: { path: ['/x', '/y'] } },
      '(Host(`a`) || Host(`b`)) && !(Path(`/x`) || Path(`/y`))',
    ],
    ['data of several values alone', { pathRegexp: ['a', 'b'] }, 'PathRegexp(`a`) || PathRegexp(`b`)'],
    [
      'data of pairs under not',
      { not: { headers: { a: '1', b: '2' } } },
      '!(Header(`a`, `1`) && Header(`b`, `2`))',
    ],
    ['data of one pair under not', { not: { headers: { a: '1' } } }, '!Header(`a`, `1`)'],
    [
      'data of pairs beside others',
      { any: [{ headersRegexp: { a: '1', b: '2' } }, { host: 'c' }] },
      'HeaderRegexp(`a`, `1`) && HeaderRegexp(`b`, `2`) || Host(`c`)',
    ],
    ['data of not of not', { not: { not: { host: 'a' } } }, '!!Host(`a`)'],
    [
      'data of any within any',
      { any: [{ any: [{ host: 'a' }, { host: 'b' }] }, { host: 'c' }] },
      'Host(`a`) || Host(`b`) || Host(`c`)',
    ],
  ])('writes %s', (_what, rule, text) => {
    expect(formatRule(rule)).toBe(text)
    expect(formatRule(text)).toBe(text)
  })

  it.each([
    ['a comma', 'a,b', '`a,b`'],
    ['a semicolon', 'a;b', '`a;b`'],
    ['a brace that is open', 'a{b', '`a{b`'],
    ['a brace that opens none', 'a}b', '`a}b`'],
    ['braces the wrong way round', 'a}b{c', '`a}b{c`'],
    ['a blank before it', ' a', '` a`'],
    ['a blank behind it', 'a\t', '`a\t`'],
    ['a semicolon and a backtick', 'a;`b', '"a;`b"'],
    ['a semicolon, a backtick and a backslash', 'a;`\\b', '"a;`\\\\b"'],
    ['a line break and a comma', 'a,\nb', '`a,\nb`'],
    ['a carriage return and a comma, which backticks drop', 'a,\rb', '"a,\\rb"'],
  ])("shows data in Traefik 3's form where a value has %s", (_what, value, written) => {
    const text = formatRule({ headers: { 'X-Env': value } })
    expect(text).toBe(`Header(\`X-Env\`, ${written})`)
    const asked = factsOf({ headers: { 'x-env': value } })
    expect(new RuleMatcher(text).matches(asked)).toBe(true)
  })

  it("shows data in Traefik 1.7's form where separators stand within braces", () => {
    const text = formatRule({ headers: { 'X-Env': 'a{b,c;d}' }, host: 'a' })
    expect(text).toBe('Host:a;Headers:X-Env,a{b,c;d}')
    expect(new RuleMatcher(text).matches(factsOf({ host: 'a', headers: { 'x-env': 'a{b,c;d}' } }))).toBe(true)
  })

  it.each<[string, fc.Arbitrary<string | RuleSpec>]>([
    ["Traefik 1.7's form", traefik1Rule],
    ["Traefik 3's form", traefik3Rule],
    ['data', dataRule],
  ])('makes of %s a text that is its own text, and that answers the same', (_form, rules) => {
    const answers = { true: 0, false: 0 }
    const requests = fc.array(requestFacts, { minLength: 8, maxLength: 8 })
    fc.assert(
      fc.property(rules, requests, (rule, facts: RequestFacts[]) => {
        const text = formatRule(rule)
        expect(formatRule(text)).toBe(text)
        const [original, again] = [new RuleMatcher(rule), new RuleMatcher(text)]
        for (const request of facts) {
          const answer = original.matches(request)
          expect(again.matches(request)).toBe(answer)
          expect(original.explain(request).matches).toBe(answer)
          answers[`${answer}`] += 1
        }
      }),
      { numRuns: 800 },
    )
    // Else the property would say little.
    expect(Math.min(answers.true, answers.false)).toBeGreaterThan(300)
  })

  it('does not depend on the order of the keys of a data rule', () => {
    fc.assert(
      fc.property(dataRule, (rule) => {
        const { any, not, ...matchers } = rule
        const turned = Object.fromEntries(Object.entries(matchers).reverse())
        const branches = { ...(any && { any }), ...(not && { not }) }
        expect(formatRule({ ...turned, ...branches })).toBe(formatRule({ ...matchers, ...branches }))
      }),
    )
  })
})
