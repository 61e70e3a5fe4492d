import { describe, expect, it } from 'vitest'
import type { Frontend, ProviderConfig, RuleSpec } from '../../src/model/config.js'
import { lintConfig } from '../../src/validation/lint-config.js'
import { cpuMsOf } from '../support/cpu-time.js'

type Rule = string | RuleSpec
type Planted = Readonly<Record<string, Rule | Omit<Frontend, 'backend'>>>

/** A document whose frontends each have a backend of their own. */
function documentOf(frontends: Planted, more: ProviderConfig['backends'] = {}): ProviderConfig {
  const isFrontend = (one: Rule | Omit<Frontend, 'backend'>): one is Omit<Frontend, 'backend'> =>
    typeof one === 'object' && ('rule' in one || 'routes' in one)
  const whole = Object.entries(frontends).map(([name, one]) => [
    name,
    { backend: name, ...(isFrontend(one) ? one : { rule: one }) },
  ])
  const backends = Object.keys(frontends).map((name) => [name, { servers: {} }])
  return { frontends: Object.fromEntries(whole), backends: { ...Object.fromEntries(backends), ...more } }
}

function foundIn(frontends: Planted): string[] {
  return lintConfig(documentOf(frontends)).map(({ code, path, by }) => `${path} ${code} ${by}`)
}

describe('a frontend that can never win', () => {
  it.each<[string, Planted]>([
    ['behind the same rule', { wide: { rule: 'Host:a.test', priority: 99 }, lost: 'Host:a.test' }],
    ['behind a host alone', { wide: { rule: 'Host:a.test', priority: 99 }, lost: 'Host:a.test;Path:/x' }],
    ['behind more hosts', { wide: { rule: 'Host:a.test,b.test', priority: 99 }, lost: 'Host:b.test' }],
    ['behind a wildcard', { wide: { rule: 'Host:*.a.test', priority: 99 }, lost: 'Host:x.a.test' }],
    ['behind any host', { wide: { rule: 'Host(`*`)', priority: 99 }, lost: 'Host:*.a.test' }],
    [
      'behind an expression that holds for its hosts',
      { wide: { rule: 'HostRegexp:{sub:[a-z]+}.a.test', priority: 99 }, lost: 'Host:x.a.test,y.a.test' },
    ],
    ['behind a shorter prefix', { wide: { rule: 'PathPrefix:/a', priority: 99 }, lost: 'PathPrefix:/api' }],
    ['behind a prefix of its path', { wide: { rule: 'PathPrefix:/a', priority: 99 }, lost: 'Path:/a/b,/ab' }],
    [
      'behind an expression for its path',
      { wide: { rule: 'PathRegexp(`^/a/[0-9]+$`)', priority: 99 }, lost: 'Path:/a/7' },
    ],
    ['behind everything', { wide: { rule: 'PathPrefix:/', priority: 99 }, lost: 'Path:/x;Method:GET' }],
    ['behind more methods', { wide: { rule: 'Method:get,POST', priority: 99 }, lost: 'Method:GET' }],
    ['behind fewer headers', { wide: { rule: 'Headers:A,1', priority: 99 }, lost: 'Headers:B,2,A,1' }],
    [
      'behind a wider range',
      { wide: { rule: 'ClientIP:10.0.0.0/8', priority: 99 }, lost: 'ClientIP:10.1.0.0/16,10.9.9.9' },
    ],
    [
      'behind one alternative of several',
      { wide: { rule: 'Path(`/x`) || Host(`a.test`)', priority: 99 }, lost: 'Host:a.test;Path:/y' },
    ],
    [
      'with all of its alternatives',
      {
        wide: { rule: 'PathPrefix:/x', priority: 99 },
        lost: 'Path(`/x/1`) || (Path(`/x/2`) && Method(`GET`))',
      },
    ],
    [
      'behind what shuts out fewer addresses',
      { wide: { rule: '!ClientIP(`10.1.0.0/16`)', priority: 99 }, lost: '!ClientIP(`10.0.0.0/8`)' },
    ],
    ['behind what excludes less', { wide: { rule: '!Path(`/x`)', priority: 99 }, lost: '!PathPrefix(`/x`)' }],
    [
      'behind a frontend that only rewrites',
      { wide: { rule: 'Host:a.test;AddPrefix:/p', priority: 99 }, lost: 'Host:a.test;Path:/x' },
    ],
    [
      'on fewer entry points',
      {
        wide: { rule: 'Host:a.test', priority: 99, entryPoints: ['web', 'api'] },
        lost: { rule: 'Host:a.test', entryPoints: ['api'] },
      },
    ],
    [
      'in several routes',
      {
        wide: { routes: { one: { rule: 'Host:a.test' }, two: { rule: 'PathPrefix:/' } }, priority: 99 },
        lost: { routes: { one: { rule: 'Host:a.test' }, two: { rule: 'Path:/x' } } },
      },
    ],
  ])('is found %s', (_what, frontends) => {
    expect(foundIn(frontends)).toEqual(['frontends.lost SHADOWED wide'])
  })

  it.each<[string, Planted]>([
    ['that comes first', { narrow: 'Host:a.test;Path:/x', wide: 'Host:a.test' }],
    ['for another host', { one: { rule: 'Host:a.test', priority: 99 }, other: 'Host:b.test' }],
    ['for one host more', { one: { rule: 'Host:a.test', priority: 99 }, other: 'Host:a.test,b.test' }],
    ['for any host of a domain', { one: { rule: 'Host:x.a.test', priority: 99 }, other: 'Host:*.a.test' }],
    [
      'for hosts that an expression may not hold for',
      { one: { rule: 'HostRegexp:{sub:[a-z]+}.a.test', priority: 99 }, other: 'Host:*.a.test' },
    ],
    ['for a longer path', { one: { rule: 'Path:/a', priority: 99 }, other: 'PathPrefix:/a' }],
    ['with one header less', { one: { rule: 'Headers:A,1,B,2', priority: 99 }, other: 'Headers:A,1' }],
    ['on more entry points', { one: { rule: 'Path:/', priority: 99, entryPoints: ['a'] }, other: 'Path:/' }],
    ['that excludes less', { one: { rule: '!PathPrefix(`/x`)', priority: 99 }, other: '!Path(`/x`)' }],
    [
      'that both halves of an and leave something',
      { one: { rule: 'Host(`a.test`) && Path(`/x`)', priority: 99 }, other: 'Host:a.test' },
    ],
    [
      'with other pairs of the same texts',
      { one: { rule: 'Headers:A,x=1', priority: 99 }, other: 'Headers:B,x=1,A,y=2' },
    ],
    [
      'whose value is a template in one form and an expression in the other',
      { one: { rule: 'HostRegexp:a.test', priority: 99 }, other: 'HostRegexp(`a.test`)' },
    ],
    [
      'whose braces are groups in one form and themselves in the other',
      { one: { rule: 'Path(`/{id}`)', priority: 99 }, other: 'Path:/{id}' },
    ],
    [
      'for more than a template takes',
      { one: { rule: 'Path:/{id:[0-9]+}', priority: 99 }, other: 'Path:/x' },
    ],
    [
      'of other addresses',
      { one: { rule: 'ClientIP:10.0.0.0/8', priority: 99 }, other: 'ClientIP:11.0.0.0/8' },
    ],
  ])('is not one %s', (_what, frontends) => {
    expect(foundIn(frontends)).toEqual([])
  })

  it('is told in words that say who takes its requests', () => {
    const [found] = lintConfig(
      documentOf({ all: { rule: 'PathPrefix:/', priority: 50 }, 'my shop': 'Host:shop.test' }),
    )
    expect(found).toEqual({
      code: 'SHADOWED',
      path: 'frontends["my shop"]',
      by: 'all',
      message:
        '"my shop" can never win: "all" (priority 50) comes before it and takes every request that it would take',
    })
  })

  it("is found behind one of the host's own matchers that is the same, and behind no other", () => {
    const matchers = { Tenant: () => () => true }
    const planted = { one: { rule: 'Tenant:a,b', priority: 99 }, lost: 'Tenant:a,b', not: 'Tenant:a' }
    const found = lintConfig(documentOf(planted), { matchers })
    expect(found.map(({ path }) => path)).toEqual(['frontends.lost'])
  })
})

describe('ranges that overlap', () => {
  it.each<[string, Planted, string]>([
    [
      'one within the other',
      { one: 'Host:a.test;ClientIP:10.1.0.0/16', other: 'Host:a.test;ClientIP:10.0.0.0/8' },
      '10.1.0.0/16',
    ],
    [
      'in part',
      { one: 'ClientIP:10.0.0.0/8,192.0.2.0/24', other: 'ClientIP:192.0.2.128/25,1.1.1.1' },
      '192.0.2.128/25',
    ],
    [
      'in one address',
      { one: 'ClientIP:2001:db8::7', other: { rule: 'ClientIP:2001:db8::/32', priority: 1 } },
      '2001:db8::7',
    ],
  ])('with different answers are told: %s', (_what, planted, shared) => {
    const [found, ...more] = lintConfig(documentOf(planted))
    expect(more).toEqual([])
    expect(found).toMatchObject({ code: 'RANGES_OVERLAP', path: 'frontends.other', by: 'one' })
    expect(found?.message).toContain(`${shared} is in the ranges of "other" and of "one"`)
    expect(found?.message).toContain('get the backend "one", not "other"')
  })

  it.each<[string, Planted]>([
    [
      'for other hosts',
      { one: 'Host:a.test;ClientIP:10.1.0.0/16', other: 'Host:b.test;ClientIP:10.0.0.0/8' },
    ],
    ['that only touch', { one: 'ClientIP:10.0.0.0/9', other: 'ClientIP:10.128.0.0/9' }],
    ['of two families', { one: 'ClientIP:0.0.0.0/0', other: 'ClientIP:::/0' }],
    ['against none: everybody else', { one: 'Host:a.test;ClientIP:10.0.0.0/8', other: 'Host:a.test' }],
  ])('are not %s', (_what, planted) => {
    expect(foundIn(planted)).toEqual([])
  })

  it('with one answer are nothing to tell', () => {
    const document = documentOf({ one: 'ClientIP:10.1.0.0/16', other: 'ClientIP:10.0.0.0/8' })
    const frontends = Object.entries(document.frontends).map(([name, one]) => [
      name,
      { ...one, backend: 'one' },
    ])
    const found = lintConfig({ ...document, frontends: Object.fromEntries(frontends) })
    expect(found.map(({ code }) => code)).toEqual(['UNUSED_BACKEND'])
  })
})

describe('backends', () => {
  it('that no frontend uses are told', () => {
    expect(lintConfig(documentOf({ a: 'Path:/' }, { 'b b': { servers: {} } }))).toEqual([
      {
        code: 'UNUSED_BACKEND',
        path: 'backends["b b"]',
        message: 'no frontend of this document uses the backend "b b"',
      },
    ])
  })
})

describe('lintConfig', () => {
  it('takes no time for ever over rules that are nested into each other', () => {
    let [wide, narrow] = ['Method(`W`)', 'Method(`N`)']
    for (let depth = 0; depth < 40; depth++) {
      wide = `Method(\`W${depth}\`) || (${wide})`
      narrow = `Method(\`N${depth}\`) && (${narrow})`
    }
    expect(foundIn({ wide: { rule: wide, priority: 1_000 }, narrow })).toEqual([])
  })

  it('throws for a document that is not valid, with all issues', () => {
    const attempt = () => lintConfig(documentOf({ a: 'Hots:a', b: 'ClientIP:1/8' }))
    expect(attempt).toThrow(
      expect.objectContaining({
        code: 'PROXY_CONFIG_INVALID',
        issues: [expect.anything(), expect.anything()],
      }),
    )
  })

  it('takes little time for many frontends', () => {
    const many = Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`f${i}`, `Host:h${i}.test`]))
    const document = documentOf({ ...many, lost: { rule: 'Host:h7.test;Path:/', priority: 1 } })
    const ms = cpuMsOf(() => expect(lintConfig(document)).toHaveLength(1))
    expect(ms).toBeLessThan(10_000)
  })
})
