import { validateConfig } from 'switchover'
import { describe, expect, it } from 'vitest'

const LONGEST = 'n'.repeat(1_024)
const TOO_LONG = 'n'.repeat(1_025)
/** 342 characters of three bytes each. */
const TOO_MANY_BYTES = '€'.repeat(342)
const FITTING = '€'.repeat(341)

/** A document in which one thing has that name. */
const documents: Readonly<Record<string, (name: string) => Record<string, unknown>>> = {
  'a frontend': (name) => ({ frontends: { [name]: { backend: 'b', rule: 'Path:/' } }, backends: backend() }),
  'a backend': (name) => ({ frontends: {}, backends: { [name]: backend()['b'] } }),
  'a server': (name) => ({
    frontends: {},
    backends: { b: { servers: { [name]: { url: 'http://a.test' } } } },
  }),
  'a route': (name) => ({
    frontends: { f: { backend: 'b', routes: { [name]: { rule: 'Path:/' } } } },
    backends: backend(),
  }),
  "another provider's backend": (name) => ({
    frontends: { f: { backend: `${name}@file`, rule: 'Path:/' } },
    backends: {},
  }),
  version: (version) => ({ version, frontends: {}, backends: {} }),
  prefix: (prefix) => ({ prefix, frontends: {}, backends: {} }),
  'an entry point': (name) => ({
    frontends: { f: { backend: 'b', rule: 'Path:/', entryPoints: [name] } },
    backends: backend(),
  }),
}

function backend(more: Record<string, unknown> = {}): Record<string, unknown> {
  return { b: { servers: { s: { url: 'http://a.test' } }, ...more } }
}

const issuesOf = (document: unknown) => {
  const result = validateConfig(document)
  return result.ok ? [] : result.issues
}

describe.each(Object.entries(documents))('the name of %s', (_what, withName) => {
  it.each([LONGEST, FITTING])('may have 1,024 bytes', (name) => {
    expect(issuesOf(withName(name))).toEqual([])
  })

  it.each([
    [TOO_LONG, 1_025],
    [TOO_MANY_BYTES, 1_026],
    ['x'.repeat(2_000_000), 2_000_000],
  ])('may not have more', (name, bytes) => {
    const issues = issuesOf(withName(name))
    expect(issues).toHaveLength(1)
    expect(issues[0]?.message).toContain(`is longer than 1024 bytes: it has ${bytes}`)
    expect(JSON.stringify(issues).length).toBeLessThan(1_000)
  })
})

describe('other texts that name something', () => {
  it.each<[string, Record<string, unknown>, string]>([
    ['cookieName', { loadBalancer: { stickiness: { cookieName: TOO_LONG } } }, 'INVALID_VALUE'],
    ['method', { loadBalancer: { method: TOO_LONG } }, 'INVALID_VALUE'],
    ['hashBy', { loadBalancer: { hashBy: `header:${TOO_LONG}` } }, 'INVALID_VALUE'],
    [
      'extractorFunc',
      { maxConn: { amount: 1, extractorFunc: `request.header.${TOO_LONG}` } },
      'INVALID_VALUE',
    ],
    ['a header', { healthCheck: { path: '/', headers: { [TOO_LONG]: 'x' } } }, 'INVALID_NAME'],
    ['hostname', { healthCheck: { path: '/', hostname: TOO_LONG } }, 'INVALID_VALUE'],
  ])('are refused as well: %s', (_what, more, code) => {
    const issues = issuesOf({ frontends: {}, backends: backend(more) })
    expect(issues.map((issue) => issue.code)).toContain(code)
    expect(JSON.stringify(issues)).toContain('is longer than 1024 bytes')
    expect(JSON.stringify(issues).length).toBeLessThan(2_000)
  })

  it('URLs have 8,192 characters', () => {
    const url = (length: number) => 'http://a.test/'.padEnd(length, 'x')
    const issues = (length: number) =>
      issuesOf({ frontends: {}, backends: { b: { servers: { s: { url: url(length) } } } } })
    expect(issues(8_192)).toEqual([])
    expect(issues(8_193)[0]?.message).toContain('is longer than 8192 characters')
  })
})
