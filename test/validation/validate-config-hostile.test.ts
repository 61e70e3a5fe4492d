import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import type { Issue } from '../../src/model/errors.js'
import { Router } from '../../src/routing/router.js'
import { validateConfig } from '../../src/validation/validate-config.js'
import type { ValidateOptions } from '../../src/validation/validate-options.js'
import { cpuMsOf } from '../support/cpu-time.js'

const ISSUE_CODES = [
  'INVALID_TYPE',
  'INVALID_NAME',
  'INVALID_VALUE',
  'INVALID_URL',
  'INVALID_RULE',
  'INVALID_RANGE',
  'MISSING_FIELD',
  'MISSING_RULE',
  'MISSING_BACKEND',
  'UNKNOWN_FIELD',
  'NOT_SUPPORTED',
]

function issuesOf(document: unknown, options?: ValidateOptions): readonly Issue[] {
  const result = validateConfig(document, options)
  return result.ok ? [] : result.issues
}

function configOf(document: unknown) {
  const result = validateConfig(document)
  if (!result.ok) throw new Error(JSON.stringify(result.issues))
  return result.config
}

describe('hostile names', () => {
  const pristine = Object.getOwnPropertyNames(Object.prototype)

  afterEach(() => {
    expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(pristine)
  })

  it.each([
    ['a document', '{"frontends":{},"backends":{},"__proto__":{"polluted":1}}', '__proto__', 'UNKNOWN_FIELD'],
    [
      'frontends',
      '{"frontends":{"__proto__":{"backend":"b"}},"backends":{}}',
      'frontends.__proto__',
      'INVALID_NAME',
    ],
    [
      'backends',
      '{"frontends":{},"backends":{"__proto__":{"servers":{}}}}',
      'backends.__proto__',
      'INVALID_NAME',
    ],
    [
      'backends',
      '{"frontends":{},"backends":{"constructor":{"servers":{}}}}',
      'backends.constructor',
      'INVALID_NAME',
    ],
    [
      'servers',
      '{"frontends":{},"backends":{"b":{"servers":{"__proto__":{"url":"http://h"}}}}}',
      'backends.b.servers.__proto__',
      'INVALID_NAME',
    ],
    [
      'a server',
      '{"frontends":{},"backends":{"b":{"servers":{"s":{"url":"http://h","__proto__":{"weight":9}}}}}}',
      'backends.b.servers.s.__proto__',
      'UNKNOWN_FIELD',
    ],
    [
      'a data rule',
      '{"frontends":{"f":{"backend":"b@c","rule":{"host":"a","__proto__":"x"}}},"backends":{}}',
      'frontends.f.rule',
      'INVALID_RULE',
    ],
  ])('are refused in %s: %s', (_where, text, path, code) => {
    expect(issuesOf(JSON.parse(text))).toEqual([{ path, code, message: expect.any(String) }])
  })

  it('are plain data as names of headers', () => {
    const text = '{"frontends":{"f":{"backend":"b@c","rule":{"headers":{"__proto__":"x"}}}},"backends":{}}'
    expect(Router.compile(configOf(JSON.parse(text))).explain).toBeTypeOf('function')
    expect(({} as Record<string, unknown>)['x']).toBeUndefined()
  })

  it('do not let a frontend find a backend that was refused', () => {
    const text =
      '{"frontends":{"f":{"backend":"__proto__","rule":"Path:/"}},"backends":{"__proto__":{"servers":{}}}}'
    expect(issuesOf(JSON.parse(text)).map(({ code }) => code)).toEqual(['INVALID_NAME', 'MISSING_BACKEND'])
  })

  it('do not make inherited fields count', () => {
    const backends = Object.create({ pool: { servers: {} } })
    const frontend = Object.create({ rule: 'Path:/' }, { backend: { value: 'pool', enumerable: true } })
    expect(
      issuesOf({ frontends: { f: frontend }, backends })
        .map(({ code }) => code)
        .toSorted(),
    ).toEqual(['INVALID_TYPE', 'MISSING_BACKEND', 'MISSING_RULE'])
  })
})

describe('whatever the document', () => {
  function expectSoundAnswer(document: unknown): void {
    for (const unsupportedFields of ['refuse', 'warn'] as const) {
      const result = validateConfig(document, { unsupportedFields })
      if (result.ok) {
        expect(() => Router.compile(result.config)).not.toThrow()
        // What was accepted is accepted again, and stays as it is.
        expect(validateConfig(result.config)).toEqual({ ok: true, config: result.config, warnings: [] })
        continue
      }
      expect(result.issues.length).toBeGreaterThan(0)
      for (const { path, code, message } of result.issues) {
        expect(path).toBeTypeOf('string')
        expect(ISSUE_CODES).toContain(code)
        expect(message).not.toBe('')
      }
    }
  }

  it('of JSON, it is accepted or refused with issues, never thrown at', () => {
    fc.assert(fc.property(fc.jsonValue(), expectSoundAnswer))
  })

  const anything = fc.anything({
    withBigInt: true,
    withBoxedValues: true,
    withDate: true,
    withMap: true,
    withSet: true,
    withNullPrototype: true,
    withObjectString: true,
    withSparseArray: true,
    withTypedArray: true,
  })

  it('of any values, it is accepted or refused with issues, never thrown at', () => {
    fc.assert(fc.property(anything, expectSoundAnswer))
  })

  // Of the right shape, so that the odd values stand where each field is read.
  const odd = fc.oneof(
    anything,
    fc.constantFrom<unknown>('', 'b', 'Host:a', 'ClientIP:1/8', 'http://h', 'wrr', 'a@b', 0, 1, -1),
    fc.constantFrom<unknown>('Host(`a`', '!(Path(`/`))', 'Path:/{a', 'PathRegexp(`(`)', '/{a:b}', '(', '::1'),
  )
  const fieldsOf = (fields: Record<string, fc.Arbitrary<unknown>>) => fc.record(fields, { requiredKeys: [] })
  const named = (value: fc.Arbitrary<unknown>) =>
    fc.dictionary(
      fc.constantFrom('a', 'b', '__proto__', 'constructor', 'x@y', 'toString', ''),
      fc.oneof(value, odd),
      {
        maxKeys: 3,
        noNullPrototype: false,
      },
    )
  const rule = fc.oneof(
    odd,
    fieldsOf({ host: odd, path: odd, headers: odd, clientIp: odd, Host: odd, toString: odd }),
    fieldsOf({ any: odd, not: odd, query: odd, pathStrip: odd, replacePathRegex: odd, hostRegexp: odd }),
    fieldsOf({
      any: fc.array(fc.oneof(odd, fieldsOf({ path: odd })), { maxLength: 3 }),
      not: fieldsOf({ host: odd, any: odd, not: odd }),
    }),
    fieldsOf({ host: fc.constantFrom('a', 'b.c'), method: fc.constant(['GET']) }),
  )
  const frontend = fieldsOf({
    backend: fc.oneof(fc.constantFrom('a', 'b'), odd),
    rule,
    routes: named(fieldsOf({ rule })),
    priority: fc.oneof(fc.integer(), odd),
    entryPoints: odd,
    passHostHeader: odd,
    whiteList: fc.oneof(odd, fieldsOf({ sourceRange: fc.oneof(odd, fc.array(odd)), useXForwardedFor: odd })),
    auth: odd,
  })
  const backend = fieldsOf({
    servers: named(fieldsOf({ url: fc.oneof(fc.webUrl(), odd), weight: fc.oneof(fc.double(), odd) })),
    loadBalancer: fc.oneof(odd, fieldsOf({ method: odd, sticky: odd })),
  })
  const document = fieldsOf({
    version: odd,
    prefix: odd,
    frontends: fc.oneof(named(frontend), odd),
    backends: fc.oneof(named(backend), odd),
    tls: odd,
    odd,
  })

  it('of the right shape with any values in it, it is accepted or refused with issues, never thrown at', () => {
    fc.assert(fc.property(document, expectSoundAnswer), { numRuns: 1500 })
  })

  it('may hold itself', () => {
    const round: Record<string, unknown> = { backends: {} }
    round['frontends'] = { f: round, g: { backend: round, rule: { host: round } } }
    expectSoundAnswer(round)
  })

  it('may be deep', () => {
    let deep: unknown = {}
    for (let level = 0; level < 20_000; level++) deep = { a: [deep] }
    expectSoundAnswer({ frontends: { f: { backend: 'b', rule: { host: deep } } }, backends: deep })
  })
})

describe('a document made to be slow or to talk too much', () => {
  const expressions = (count: number) => Array.from({ length: count }, (_, index) => `[a-z]{2${index % 100}}`)

  it.each([
    [
      'a data rule of 30,000 keys that nobody knows',
      () => ({ rule: Object.fromEntries(Array.from({ length: 30_000 }, (_, i) => [`k${i}`, 'v'])) }),
    ],
    ['a host of 20,000 foreign letters', () => ({ rule: `Host:${'字'.repeat(20_000)}` })],
    [
      'a rule of 100,000 alternatives that nobody knows',
      () => ({ rule: Array(100_000).fill('A(`x`)').join('||') }),
    ],
    ['a rule of 20 megabytes in quotes', () => ({ rule: `Path("${'a'.repeat(20_000_000)}")` })],
    [
      'a thousand expressions that are all but too large',
      () => ({ rule: { pathRegexp: [...expressions(1_000), '('] } }),
    ],
    ['a rule name of a megabyte', () => ({ rule: `${'x'.repeat(1_000_000)}:a` })],
  ])('is refused within seconds: %s', (_what, frontend) => {
    const document = { frontends: { f: { backend: 'b', ...frontend() } }, backends: { b: { servers: {} } } }
    const ms = cpuMsOf(() => expect(validateConfig(document).ok).toBe(false))
    expect(ms).toBeLessThan(20_000)
  })

  it('with a long name is quoted in part: its issues stay short', () => {
    const name = 'n'.repeat(1_000)
    const servers = Object.fromEntries(
      Array.from({ length: 1_000 }, (_, index) => [`s${index}`, { url: 'ftp://x' }]),
    )
    const checked = validateConfig({ frontends: {}, backends: { [name]: { servers } } })
    const issues = checked.ok ? [] : checked.issues
    expect(issues).toHaveLength(1_000)
    for (const { path, message } of issues) expect(path.length + message.length).toBeLessThan(500)
  })
})
