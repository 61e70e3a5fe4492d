import { describe, expect, it } from 'vitest'
import type { Issue } from '../../src/model/errors.js'
import { Router } from '../../src/routing/router.js'
import { validateConfig, validateConfigSteps } from '../../src/validation/validate-config.js'
import type { ValidateOptions } from '../../src/validation/validate-options.js'

/** What the issue's table of routes looks like as a document. */
function wholeDocument() {
  return {
    version: 'v2',
    prefix: '/traefik/dev/v2',
    frontends: {
      one: { backend: 'one', rule: 'Host:www.baidu.com;ClientIP:10.1.1.0/24' },
      two: {
        backend: 'two',
        routes: { host: { rule: 'Host:www.baidu.com' }, who: { rule: { clientIp: '10.1.2.0/24' } } },
      },
      map: {
        backend: 'two@file',
        rule: { host: ['map.baidu.com'] },
        priority: 5,
        entryPoints: ['web'],
        passHostHeader: true,
      },
    },
    backends: {
      one: { servers: { s1: { url: 'http://192.168.1.57:9111' } } },
      two: {
        servers: { s1: { url: 'http://192.168.1.56:9110', weight: 3 } },
        loadBalancer: { method: 'wrr' },
      },
    },
  }
}

function issuesOf(document: unknown, options?: ValidateOptions): readonly Issue[] {
  const result = validateConfig(document, options)
  return result.ok ? [] : result.issues
}

function configOf(document: unknown) {
  const result = validateConfig(document)
  if (!result.ok) throw new Error(JSON.stringify(result.issues))
  return result.config
}

describe('a document in order', () => {
  it('is accepted and copied', () => {
    expect(validateConfig(wholeDocument())).toEqual({ ok: true, config: wholeDocument(), warnings: [] })
  })

  it('is copied whole: what happens to the original later changes nothing', () => {
    const document = wholeDocument()
    const config = configOf(document)
    document.version = 'v3'
    document.frontends.one.rule = 'Path:/'
    document.frontends.two.routes.who.rule.clientIp = '0.0.0.0/0'
    document.frontends.map.rule.host.push('evil.test')
    document.frontends.map.entryPoints.push('evil')
    document.backends.one.servers.s1.url = 'http://evil.test'
    document.backends.two.loadBalancer.method = 'evil'
    Object.assign(document.frontends, { evil: document.frontends.one })
    Object.assign(document.backends, { evil: document.backends.one })
    expect(config).toEqual(wholeDocument())
  })

  it('is not changed itself', () => {
    const document = wholeDocument()
    validateConfig(document)
    expect(document).toStrictEqual(wholeDocument())
  })

  it('may be frozen', () => {
    expect(validateConfig(Object.freeze(wholeDocument())).ok).toBe(true)
  })

  it('gives records that no name can lead out of', () => {
    const config = configOf(wholeDocument())
    const records = [
      config.frontends,
      config.backends,
      config.backends['one']?.servers,
      config.frontends['two']?.routes,
    ]
    for (const record of records) expect(Object.getPrototypeOf(record)).toBeNull()
  })

  it('may be empty of frontends and backends', () => {
    expect(validateConfig({ frontends: {}, backends: {} })).toMatchObject({ ok: true })
  })

  it('leaves out version and prefix where it has none', () => {
    expect(Object.keys(configOf({ frontends: {}, backends: {} }))).toEqual(['frontends', 'backends'])
  })

  it('leaves out $schema, which is for editors', () => {
    expect(configOf({ $schema: './schema.json', ...wholeDocument() })).toEqual(wholeDocument())
  })

  it('is one that a router compiles', () => {
    expect(() => Router.compile(configOf(wholeDocument()))).not.toThrow()
  })
})

describe('a document that is none', () => {
  it.each([
    [undefined, 'nothing'],
    [null, 'null'],
    ['{}', 'a text'],
    [5, 'number 5'],
    [[], 'an empty list'],
    [true, 'boolean true'],
  ])('%j is refused', (document, found) => {
    expect(validateConfig(document)).toEqual({
      ok: false,
      issues: [{ path: '', code: 'INVALID_TYPE', message: `expected an object, found ${found}` }],
    })
  })

  it('misses frontends and backends', () => {
    expect(issuesOf({})).toEqual([
      {
        path: 'backends',
        code: 'MISSING_FIELD',
        message: 'expected an object with names as keys, found nothing',
      },
      {
        path: 'frontends',
        code: 'MISSING_FIELD',
        message: 'expected an object with names as keys, found nothing',
      },
    ])
  })

  it.each<[string, object, Issue]>([
    [
      'a wrong type of frontends',
      { frontends: [] },
      {
        path: 'frontends',
        code: 'INVALID_TYPE',
        message: 'expected an object with names as keys, found an empty list',
      },
    ],
    [
      'a wrong type of backends',
      { backends: 'x' },
      {
        path: 'backends',
        code: 'INVALID_TYPE',
        message: 'expected an object with names as keys, found a text',
      },
    ],
    [
      'a version that is no text',
      { version: 2 },
      { path: 'version', code: 'INVALID_TYPE', message: 'expected a text, found number 2' },
    ],
    [
      'a prefix that is no text',
      { prefix: 7 },
      { path: 'prefix', code: 'INVALID_TYPE', message: 'expected a text, found number 7' },
    ],
    [
      'a field misspelt',
      { fronteds: {} },
      {
        path: 'fronteds',
        code: 'UNKNOWN_FIELD',
        message: 'there is no field "fronteds" here; the nearest known one is "frontends"',
      },
    ],
    [
      'a field that is not built yet',
      { tls: [{ entryPoints: ['https'] }] },
      {
        path: 'tls',
        code: 'NOT_SUPPORTED',
        message: expect.stringMatching(/^tls of Traefik is not supported yet, and it is a guard: /),
      },
    ],
    [
      'a field with an odd name',
      { 'a.b c d e f': 1 },
      { path: '["a.b c d e f"]', code: 'UNKNOWN_FIELD', message: 'there is no field "a.b c d e f" here' },
    ],
  ])('has %s', (_what, fields, issue) => {
    expect(issuesOf({ frontends: {}, backends: {}, ...fields })).toEqual([issue])
  })
})

describe('the report', () => {
  it('names ten mistakes at once, each by path, code and message', () => {
    const document = {
      fronteds: {},
      backends: {
        one: { servers: { s1: { url: 'ftp://h' }, s2: { url: 'http://h', weight: -1 } } },
        'a@b': { servers: {} },
        two: { servers: {}, responseForwarding: { flushInterval: '1s' } },
      },
      frontends: {
        a: { rule: 'Host:a' },
        b: { backend: 'one' },
        c: { backend: 'one', rule: 'ClientIP:10.0.0.0/33' },
        d: { backend: 'tow', rule: 'Hots:a' },
      },
    }
    const issues = issuesOf(document)
    expect(issues.map(({ path, code }) => `${path} ${code}`).toSorted()).toEqual([
      'backends.one.servers.s1.url INVALID_URL',
      'backends.one.servers.s2.weight INVALID_VALUE',
      'backends.two.responseForwarding NOT_SUPPORTED',
      'backends["a@b"] INVALID_NAME',
      'fronteds UNKNOWN_FIELD',
      'frontends.a.backend MISSING_BACKEND',
      'frontends.b MISSING_RULE',
      'frontends.c.rule INVALID_RANGE',
      'frontends.d.backend MISSING_BACKEND',
      'frontends.d.rule INVALID_RULE',
    ])
    expect(issues).toHaveLength(10)
    for (const { message } of issues) expect(message).not.toBe('')
  })

  it('does not blame a frontend for the faults of its backend', () => {
    const document = { frontends: { f: { backend: 'b', rule: 'Path:/' } }, backends: { b: 'oops' } }
    expect(issuesOf(document).map(({ path }) => path)).toEqual(['backends.b'])
  })

  it('holds no configuration', () => {
    expect(Object.keys(validateConfig({}))).toEqual(['ok', 'issues'])
  })
})

describe("unsupportedFields: 'warn'", () => {
  const document = {
    frontends: { f: { backend: 'b', rule: 'Path:/', errors: { e: { status: ['500'] } } } },
    backends: { b: { servers: {}, responseForwarding: { flushInterval: '1s' } } },
  }

  it('turns fields that are not built yet, and do not guard, into warnings, and leaves them out', () => {
    const result = validateConfig(document, { unsupportedFields: 'warn' })
    expect(result).toMatchObject({
      ok: true,
      warnings: [
        { path: 'backends.b.responseForwarding', code: 'NOT_SUPPORTED' },
        { path: 'frontends.f.errors', code: 'NOT_SUPPORTED' },
      ],
    })
    expect(result.ok && result.config).toEqual({
      frontends: { f: { backend: 'b', rule: 'Path:/' } },
      backends: { b: { servers: {} } },
    })
  })

  it.each([{}, { unsupportedFields: 'refuse' }] as const)('is not the default: %j refuses', (options) => {
    expect(issuesOf(document, options).map(({ code }) => code)).toEqual(Array(2).fill('NOT_SUPPORTED'))
  })

  it('does not let unknown fields through', () => {
    expect(issuesOf({ frontends: {}, backends: {}, oops: 1 }, { unsupportedFields: 'warn' })).toHaveLength(1)
  })
})

describe('validateConfigSteps', () => {
  it('pauses at every frontend and backend', () => {
    const steps = validateConfigSteps(wholeDocument())
    let pauses = 0
    while (!steps.next().done) pauses += 1
    expect(pauses).toBe(5)
  })
})
