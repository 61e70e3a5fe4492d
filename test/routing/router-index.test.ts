import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Frontend, RuleSpec } from '../../src/model/config.js'
import type { MatcherFactory, RequestFacts } from '../../src/model/request-facts.js'
import { type CompiledFrontend, compileFrontend } from '../../src/routing/compile-frontend.js'
import { Router } from '../../src/routing/router.js'
import { matcherTable } from '../../src/rules/matchers.js'
import { holds } from '../../src/rules/rule-tree.js'
import { factsOf } from '../support/facts-of.js'

type Document = Readonly<Record<string, Frontend>>

/** The router that the index must answer like: every frontend is tried, by priority and then by name. */
function naiveMatch(frontends: Document, keepTrailingSlash: boolean, facts: RequestFacts) {
  const table = matcherTable({ matchers, keepTrailingSlash })
  const compiled = Object.entries(frontends).map(([name, one]) => compileFrontend(name, one, table, []))
  compiled.sort((a, b) => b.priority - a.priority || (a.name < b.name ? -1 : 1))
  return compiled.find(
    ({ config, tree }: CompiledFrontend) =>
      (!config.entryPoints || config.entryPoints.includes(facts.entryPoint ?? '')) && holds(tree, facts),
  )
}

// Few of everything, so that rules meet requests and each other.
const label = fc.constantFrom('a', 'b', 'shop')
const host = fc.oneof(
  label.map((name) => `${name}.test`),
  label.map((name) => `${name}.b.test`),
  fc.constantFrom('test', '[::1]', '10.0.0.1', ''),
)
const segment = fc.constantFrom('a', 'ab', 'b', 'x1', 'x22', '')
const path = fc
  .array(segment, { maxLength: 3 })
  .chain((segments) => fc.boolean().map((slash) => `/${segments.join('/')}${slash ? '/' : ''}`))
const rulePath = path.filter((text) => text !== '')
const ruleHost = fc.oneof(
  host.filter((name) => name !== ''),
  fc.constantFrom('*.test', '*.b.test', '*'),
)
const range = fc.constantFrom('10.0.0.0/8', '10.1.0.0/16', '10.1.1.1', '::/0')
const several = <T>(one: fc.Arbitrary<T>) => fc.array(one, { minLength: 1, maxLength: 3 })

const traefik1Term = fc.oneof(
  several(ruleHost).map((hosts) => `Host:${hosts.join(',')}`),
  fc.constantFrom('HostRegexp:{sub:[a-z]+}.test', 'HostRegexp:a.{rest:.+}', 'Query:k=v', 'Headers:X-E,qas'),
  several(rulePath).map((paths) => `Path:${paths.join(',')}`),
  several(rulePath).map((paths) => `PathPrefix:${paths.join(',')}`),
  several(rulePath).map((paths) => `PathPrefixStrip:${paths.join(',')}`),
  fc.constantFrom(
    'Path:/{id:x[0-9]+}',
    'PathPrefix:/a/{any}',
    'Path:/{one}/',
    'PathStrip:/a,/b/',
    'AddPrefix:/p',
  ),
  fc.constantFrom('Method:GET', 'Method:POST,GET', 'Odd:yes'),
  several(range).map((ranges) => `ClientIP:${ranges.join(',')}`),
)
const traefik1 = fc.array(traefik1Term, { minLength: 1, maxLength: 3 }).map((terms) => terms.join(';'))

const traefik3Term = fc.oneof(
  ruleHost.map((name) => `Host(\`${name}\`)`),
  rulePath.map((text) => `Path(\`${text}\`)`),
  rulePath.map((text) => `PathPrefix(\`${text}\`)`),
  range.map((text) => `ClientIP(\`${text}\`)`),
  fc.constantFrom('PathRegexp(`x[0-9]`)', 'HostRegexp(`^a`)', 'Method(`GET`)', 'Query(`k`)', 'Odd(`yes`)'),
)
const { rule: traefik3 } = fc.letrec<{ rule: string }>((tie) => ({
  rule: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    traefik3Term,
    fc
      .tuple(tie('rule'), fc.constantFrom('&&', '||'), tie('rule'))
      .map(([a, sign, b]) => `(${a} ${sign} ${b})`),
    tie('rule').map((inner) => `!(${inner})`),
  ),
}))
const data: fc.Arbitrary<RuleSpec> = fc.oneof(
  fc.record({ host: several(ruleHost), pathPrefix: several(rulePath) }),
  fc.record({ path: rulePath, clientIp: several(range) }),
  fc.record({ any: several(fc.record({ host: ruleHost, path: rulePath })) }),
  fc.record({ not: fc.record({ host: ruleHost }), pathPrefix: rulePath }),
)

const rule = fc.oneof(traefik1, traefik3, data)
const frontend: fc.Arbitrary<Frontend> = fc
  .record(
    {
      rules: fc.array(rule, { minLength: 1, maxLength: 2 }),
      priority: fc.integer({ min: -3, max: 30 }),
      entryPoints: fc.subarray(['web', 'api'], { minLength: 1 }),
    },
    { requiredKeys: ['rules'] },
  )
  .map(({ rules, ...rest }) => ({
    backend: 'pool',
    routes: Object.fromEntries(rules.map((text, index) => [`r${index}`, { rule: text }])),
    ...rest,
  }))
const document = fc.dictionary(fc.stringMatching(/^[a-zA-Z]{1,2}$/), frontend, { maxKeys: 12 })
const facts = fc.record({
  host,
  path,
  method: fc.constantFrom('GET', 'POST'),
  query: fc.constantFrom('', 'k=v', 'k'),
  headers: fc.constantFrom({}, { 'x-e': 'qas' }),
  clientAddress: fc.constantFrom('10.1.1.1', '10.1.2.2', '10.2.2.2', '2001:db8::1', ''),
  entryPoint: fc.constantFrom('web', 'api', 'admin'),
})

/** The host's own: nothing is known of what it needs. */
const matchers: Readonly<Record<string, MatcherFactory>> = {
  Odd: () => (request) => request.path.length % 2 === 1,
}

const CASES = 10_000
const REQUESTS_EACH = 8

describe('the index of the router', () => {
  it(`answers as trying every frontend would: ${CASES} cases`, { timeout: 120_000 }, () => {
    let matched = 0
    fc.assert(
      fc.property(
        document,
        fc.array(facts, { minLength: REQUESTS_EACH, maxLength: REQUESTS_EACH }),
        fc.boolean(),
        (frontends, requests, keepTrailingSlash) => {
          const router = Router.compile({ frontends }, { matchers, keepTrailingSlash })
          for (const special of requests) {
            const request = factsOf(special)
            const expected = naiveMatch(frontends, keepTrailingSlash, request)?.name
            expect(router.match(request)?.name).toBe(expected)
            expect(router.explain(request).winner?.frontend).toBe(expected)
            if (expected !== undefined) matched += 1
          }
        },
      ),
      { numRuns: CASES / REQUESTS_EACH },
    )
    // Else it would say little.
    expect(matched).toBeGreaterThan(CASES / 10)
  })

  it('tries no frontend that the host or the path rules out', () => {
    let asked = 0
    const Counted: MatcherFactory = () => () => {
      asked += 1
      return false
    }
    const frontends = Object.fromEntries(
      Array.from({ length: 1_000 }, (_, index) => [
        `f${index}`,
        { backend: 'b', rule: `Host:h${index % 10}.test;PathPrefix:/p${index};Counted:x` },
      ]),
    )
    const router = Router.compile({ frontends }, { matchers: { Counted } })
    expect(router.match(factsOf({ host: 'h3.test', path: '/p13/x' }))).toBeUndefined()
    // /p13 and /p1, of which the second is for another host.
    expect(asked).toBe(1)
  })

  it('tries them in their order, whatever found them, and stops at the first that holds', () => {
    const asked: string[] = []
    const Traced: MatcherFactory =
      ([name, answer]) =>
      () => {
        asked.push(String(name))
        return answer === 'yes'
      }
    const router = Router.compile(
      {
        frontends: {
          byHost: { backend: 'b', rule: 'Host:a.test;Traced:byHost,no', priority: 5 },
          byLabel: { backend: 'b', rule: 'Host:*.test;Traced:byLabel,no', priority: 4 },
          byPath: { backend: 'b', rule: 'PathPrefix:/x;Traced:byPath,yes', priority: 3 },
          byNothing: { backend: 'b', rule: 'Traced:byNothing,no', priority: 6 },
          never: { backend: 'b', rule: 'Host:a.test;Traced:never,yes', priority: 2 },
        },
      },
      { matchers: { Traced } },
    )
    expect(router.match(factsOf({ host: 'a.test', path: '/x/y' }))?.name).toBe('byPath')
    expect(asked).toEqual(['byNothing', 'byHost', 'byLabel', 'byPath'])
  })

  it('may be asked by a matcher that it is asking', () => {
    const inner = Router.compile({ frontends: { f: { backend: 'b', rule: 'Host:a.test;PathPrefix:/' } } })
    const Inner: MatcherFactory = () => (request) => inner.match(request) !== undefined
    const router = Router.compile(
      {
        frontends: {
          one: { backend: 'b', rule: 'Host:a.test;Inner:x', priority: 2 },
          two: { backend: 'b', rule: 'PathPrefix:/', priority: 1 },
        },
      },
      { matchers: { Inner } },
    )
    expect(router.match(factsOf({ host: 'a.test' }))?.name).toBe('one')
    expect(router.match(factsOf({ host: 'b.test' }))?.name).toBe('two')
  })
})

describe('a rule that names one value again and again', () => {
  for (const rule of ['Host:HH', 'Path:/PP', 'PathPrefix:/PP', 'Host:HH;Path:/PP', 'Host:*.HH']) {
    it(`is tried once for a request: ${rule}`, () => {
      let asked = 0
      const counts = () => {
        asked += 1
        return false
      }
      const many = rule.replace(
        /:(\S*?)(?=;|$)/g,
        (_, value: string) => `:${Array(400).fill(value).join(',')}`,
      )
      const frontends = { many: { backend: 'b', rule: `${many};Counted:x` } }
      const router = Router.compile({ frontends }, { matchers: { Counted: () => counts } })
      const [host, path] = [rule.includes('*') ? 'sub.hh' : 'hh', '/PP']
      const facts = { method: 'GET', host, path, query: '', headers: {}, clientAddress: '', peerAddress: '' }
      expect(router.match(facts as never)).toBeUndefined()
      expect(asked).toBe(1)
    })
  }
})
