import { describe, expect, it } from 'vitest'
import type { RuleSpec } from '../../src/model/config.js'
import type { MatcherFactory } from '../../src/model/request-facts.js'
import { formatRule, RuleMatcher } from '../../src/rules/rule-matcher.js'
import { factsOf } from '../support/facts-of.js'
import { issuesOf } from '../support/issues-of.js'

const Tenant: MatcherFactory = (values) => (facts) => values.includes(String(facts.headers['x-tenant']))

/** A data rule of the host's own keys, which would be declared by merging. */
const own = (spec: object) => spec as RuleSpec

const askedBy = (tenant: string) => factsOf({ headers: { 'x-tenant': tenant } })

describe("the host's own matchers", () => {
  it.each<[string, string | RuleSpec, string]>([
    ["Traefik 1.7's form", 'Host:www.example.com;Tenant:acme,zorg', 'Host:www.example.com;Tenant:acme,zorg'],
    [
      "Traefik 3's form",
      'Host(`www.example.com`) && Tenant(`acme`, `zorg`)',
      'Host(`www.example.com`) && Tenant(`acme`, `zorg`)',
    ],
    [
      "Traefik 3's form, one value each",
      'Host(`www.example.com`) && (TENANT(`acme`) || tenant(`zorg`))',
      'Host(`www.example.com`) && (Tenant(`acme`) || Tenant(`zorg`))',
    ],
    [
      'data',
      own({ host: 'www.example.com', tenant: ['acme', 'zorg'] }),
      'Host:www.example.com;Tenant:acme,zorg',
    ],
    [
      'data within any and not',
      own({ any: [{ not: { host: 'www.example.com' } }, { tenant: ['acme', 'zorg'] }] }),
      '!Host(`www.example.com`) || Tenant(`acme`, `zorg`)',
    ],
  ])('work in %s', (_form, rule, text) => {
    const matcher = new RuleMatcher(rule, { matchers: { Tenant } })
    expect(matcher.matches(askedBy('zorg'))).toBe(true)
    expect(matcher.matches(askedBy('evil'))).toBe(false)
    expect(matcher.rule).toBe(text)
    expect(formatRule(text, { matchers: { Tenant } })).toBe(text)
  })

  it.each<[string, string | RuleSpec]>([
    ["Traefik 3's form", 'Host(`www.example.com`) && !Tenant(`evil`)'],
    ['data', own({ host: 'www.example.com', not: { tenant: 'evil' } })],
  ])('may be negated in %s', (_form, rule) => {
    const matcher = new RuleMatcher(rule, { matchers: { Tenant } })
    expect(matcher.matches(askedBy('acme'))).toBe(true)
    expect(matcher.matches(askedBy('evil'))).toBe(false)
  })

  it.each([[['acme', '']], [['', 'acme']], [['a,b', 'c']], [['a`b', ' c ']], [['', '', '']]])(
    'are shown with all their values, so that they mean the same: %j',
    (values) => {
      const seen: (readonly string[])[] = []
      const Seen: MatcherFactory = (given) => {
        seen.push(given)
        return () => true
      }
      const text = formatRule(own({ seen: values }), { matchers: { Seen } })
      expect(formatRule(text, { matchers: { Seen } })).toBe(text)
      expect(seen).toEqual([values, values])
    },
  )

  it('are unknown where they are not given, and named as nearest where they are', () => {
    for (const rule of ['Tenant:acme', 'Tenant(`acme`)']) {
      expect(issuesOf(rule)).toMatchObject([{ message: 'at position 1: there is no matcher "Tenant"' }])
    }
    for (const rule of ['Tennant:acme', 'Tennant(`acme`)']) {
      expect(issuesOf(rule, { Tenant })).toMatchObject([
        { message: 'at position 1: there is no matcher "Tennant"; the nearest known one is "Tenant"' },
      ])
    }
    expect(issuesOf(own({ tennant: 'acme' }), { Tenant })).toMatchObject([
      { message: 'there is no matcher "tennant"; the nearest known one is "Tenant"' },
    ])
  })

  it.each<[string, string | RuleSpec, string]>([
    ["Traefik 1.7's form", 'Host:a.test;Tenant:nobody', 'at position 13: Tenant: no such tenant'],
    ["Traefik 3's form", '!Tenant(`nobody`)', 'at position 2: Tenant: no such tenant'],
    ['data', own({ not: { tenant: 'nobody' } }), 'Tenant: no such tenant'],
  ])('say by throwing that a value cannot be used, in %s', (_form, rule, message) => {
    const strict: MatcherFactory = () => {
      throw new Error('no such tenant')
    }
    expect(issuesOf(rule, { Tenant: strict })).toEqual([{ path: '', code: 'INVALID_RULE', message }])
  })

  it.each([
    ['a text', 'nobody'],
    ['nothing', undefined],
  ])('may even throw %s', (_what, thrown) => {
    const odd: MatcherFactory = () => {
      throw thrown
    }
    expect(issuesOf('Tenant:x', { Tenant: odd })).toEqual([
      { path: '', code: 'INVALID_RULE', message: `at position 1: Tenant: ${thrown}` },
    ])
  })

  it('have at least one value', () => {
    for (const rule of ['Tenant:', 'Tenant()', own({ tenant: [] })]) {
      const messages = issuesOf(rule, { Tenant }).map(({ message }) => message)
      expect(messages).toEqual([expect.stringMatching(/found 0|has no value/)])
      expect(messages[0]).not.toContain('Infinity')
    }
  })

  it('may not take the name of ours', () => {
    expect(() => new RuleMatcher('Host:a.test', { matchers: { Host: Tenant } })).toThrow(
      expect.objectContaining({ code: 'PROXY_OPTION_INVALID' }),
    )
  })
})

describe("a host's matcher", () => {
  it.each(['Tenant:a', 'Tenant(`a`)', own({ tenant: 'a' })])(
    'that compiles to no function is refused: dropped, it would let every request through: %j',
    (rule) => {
      const matchers = { Tenant: (() => undefined) as never }
      expect(() => new RuleMatcher(rule, { matchers })).toThrow(/expected its factory to return a function/)
    },
  )

  it.each(['Tenant:a', 'Tenant(`a`)', own({ any: [{ tenant: 'a' }, { host: 'never.test' }] })])(
    'that answers with a promise never holds: %j',
    (rule) => {
      const matchers = { Tenant: () => (async () => true) as never }
      const matcher = new RuleMatcher(rule, { matchers })
      expect(matcher.matches(factsOf())).toBe(false)
      expect(matcher.explain(factsOf()).matches).toBe(false)
    },
  )
})
