import { type ProxyError, Router, type UnsupportedFields, validateConfig } from 'switchover'
import { describe, expect, it } from 'vitest'
import { placedFields } from '../../src/base/schema.js'
import { DOCUMENT, GUARDS } from '../../src/validation/document-schema.js'

/** Every field that is not built yet, by its pattern, and every field that is. */
const PLACED = placedFields(DOCUMENT)
const LATER = PLACED.filter(({ field }) => field.kind === 'later').map(({ path }) => path)
const NOW = PLACED.filter(({ field }) => field.kind !== 'later').map(({ path }) => path)
const isGuard = (pattern: string) => GUARDS.has(pattern)
const GUARDING = LATER.filter(isGuard)

/** A name that has to stand in quotes, for each `*`. */
const NAME = 'a b'
const withNames = (pattern: string, name = `["${NAME}"]`) => pattern.replaceAll('.*', name)

/** A document in order, but for one field. */
function documentWith(pattern: string, value: unknown = { on: true }): unknown {
  const document = {
    frontends: { [NAME]: { backend: NAME, rule: 'PathPrefix:/' } },
    backends: { [NAME]: { servers: { [NAME]: { url: 'http://127.0.0.1:9' } }, buffering: {} } },
  }
  const steps = pattern.split('.').map((step) => (step === '*' ? NAME : step))
  let into: Record<string, unknown> = document
  for (const step of steps.slice(0, -1)) into = into[step] as Record<string, unknown>
  into[steps.at(-1) as string] = value
  return document
}

function outcome(document: unknown, unsupportedFields?: UnsupportedFields): string {
  const checked = validateConfig(document, unsupportedFields === undefined ? {} : { unsupportedFields })
  const found = checked.ok ? checked.warnings : checked.issues
  return [checked.ok ? 'served' : 'refused', ...found.map(({ path, code }) => `${code} ${path}`)].join(', ')
}

describe('the table of guards', () => {
  it('names fields that there are', () => {
    expect([...GUARDS.keys()].filter((path) => !LATER.includes(path) && !NOW.includes(path))).toEqual([])
    expect(GUARDING.length).toBeGreaterThan(8)
    expect(LATER.length).toBeGreaterThan(GUARDING.length)
  })
})

describe.each(LATER)('%s, which is not built yet,', (pattern) => {
  const path = withNames(pattern)
  const refused = `refused, NOT_SUPPORTED ${path}`
  const left = `served, ${isGuard(pattern) ? 'GUARD_DROPPED' : 'NOT_SUPPORTED'} ${path}`
  const document = documentWith(pattern)

  it('refuses the document by default, and where other paths are named', () => {
    expect(outcome(document)).toBe(refused)
    expect(outcome(document, 'refuse')).toBe(refused)
    expect(outcome(document, { warn: [] })).toBe(refused)
    expect(outcome(document, { warn: LATER.filter((other) => other !== pattern) })).toBe(refused)
    if (pattern.includes('.*'))
      expect(outcome(document, { warn: [withNames(pattern, '.other')] })).toBe(refused)
  })

  it('is left out by one word unless it guards, and never by "*" alone if it does', () => {
    expect(outcome(document, 'warn')).toBe(isGuard(pattern) ? refused : left)
    expect(outcome(document, { warn: ['*'] })).toBe(isGuard(pattern) ? refused : left)
  })

  it('is left out by its path, with its names or "*" for them, in any case of letters', () => {
    for (const named of [pattern, path, pattern.toUpperCase(), pattern.toLowerCase()])
      expect(outcome(document, { warn: [named] })).toBe(left)
    expect(outcome(document, { warn: ['*', pattern] })).toBe(left)
  })

  it('is none of the copy that serves', () => {
    const checked = validateConfig(document, { unsupportedFields: { warn: [pattern] } })
    if (!checked.ok) throw new Error('refused')
    expect(JSON.stringify(checked.config)).not.toContain(`"${pattern.split('.').at(-1)}":`)
  })

  it('asks for nothing if it is off: the document is served without a word', () => {
    for (const off of [false, null, '', {}, [], { sslRedirect: null }, { basic: null }]) {
      expect(outcome(documentWith(pattern, off), 'warn')).toBe('served')
      expect(outcome(documentWith(pattern, off))).toBe('served')
    }
  })
})

it('a guard that lets nobody in is not off, and neither is one that cannot be looked into', () => {
  const circle: Record<string, unknown> = { off: false }
  circle['again'] = circle
  for (const on of [
    { basic: { users: [] } },
    { basic: { usersFile: '' } },
    { sslRedirect: false },
    { customHeader: '' },
    { basic: { users: ['a:b'], removeHeader: false } },
    circle,
    new Date(0),
    Object.defineProperty({}, 'basic', { value: { users: ['a:b'] } }),
    { [Symbol('basic')]: null },
    Object.create({ basic: { users: ['a:b'] } }),
    0,
    [null],
  ])
    expect(outcome(documentWith('frontends.*.auth', on), 'warn')).toMatch(/^refused/)
})

it('a guard that is refused says that it guards, and how its path is written', () => {
  let path = ''
  for (const options of [{}, { unsupportedFields: 'refuse' }, { unsupportedFields: 'warn' }] as const) {
    const checked = validateConfig(documentWith('frontends.*.auth'), options)
    const [issue] = checked.ok ? [] : checked.issues
    expect(issue?.message).toBe(
      'auth of Traefik is not supported yet, and it is a guard: it is left out only if unsupportedFields.warn names its path, "frontends[\\"a b\\"].auth"',
    )
    path = /names its path, (".*")/.exec(issue?.message ?? '')?.[1] ?? ''
  }
  const named = { unsupportedFields: { warn: [JSON.parse(path) as string] } }
  expect(validateConfig(documentWith('frontends.*.auth'), named).ok).toBe(true)
})

it('a name that is cut where it is shown is covered by "*" alone, for another might be cut to the same', () => {
  const long = 'x'.repeat(101)
  const document = {
    frontends: { [long]: { backend: 'b', rule: 'Path:/', auth: { basic: {} } } },
    backends: { b: { servers: {} } },
  }
  const checked = validateConfig(document, { unsupportedFields: 'warn' })
  const [issue] = checked.ok ? [] : checked.issues
  expect(issue?.message).toContain('names its path, "frontends.*.auth"')
  expect(validateConfig(document, { unsupportedFields: { warn: [issue?.path ?? ''] } }).ok).toBe(false)
  expect(validateConfig(document, { unsupportedFields: { warn: ['frontends.*.auth'] } }).ok).toBe(true)
})

describe('a path that cannot be meant is an invalid option', () => {
  it.each([
    ['frontends.*.auht', 'names no field; the nearest known one is "auth"'],
    ['frontend.*.auth', 'names no field; the nearest known one is "frontends"'],
    ['auth', 'names no field; "frontends.*.auth" is one'],
    ['*.auth', 'names no field; "frontends.*.auth" is one'],
    ['web.auth', 'names no field; "frontends.*.auth" is one'],
    ['responseForwarding', 'names no field; "backends.*.responseForwarding" is one'],
    ['web.nothing', 'names no field; not supported yet: tls'],
    ['frontends', 'names no field; name a field: "frontends.*.passTLSCert"'],
    ['frontends.web', 'names no field; name a field: "frontends.web.passTLSCert"'],
    ['frontends.*.*', 'names no field; name a field: "frontends.*.passTLSCert"'],
    ['*.web.auth', 'names no field; "frontends.*.auth" is one'],
    ['*.*.*', 'names no field'],
    ['**', 'is not a path'],
    ['', 'is not a path'],
    ['frontends..auth', 'is not a path'],
    ['frontends.*.auth.', 'is not a path'],
    ['.tls', 'is not a path'],
    ['frontends[*].auth', 'is not a path'],
    ['frontends[""].auth', 'is not a path'],
    ['frontends.a b.auth', 'is not a path'],
    ['frontends.*.auth.basic', 'goes into a field that can only be left out as a whole: frontends.*.auth'],
    ['frontends.*.headers.*', 'goes into a field that can only be left out as a whole: frontends.*.headers'],
    ['backends.*.buffering', 'names no field; name a field: "backends.*.buffering.maxResponseBodyBytes"'],
    ['backends.*.buffering.*', 'names no field; name a field: "backends.*.buffering.maxResponseBodyBytes"'],
    ['backends.*.servers.tags', 'names no field; all fields there are supported'],
    ['frontends.*.whiteList', 'is supported, so it is never left out'],
    ['frontends.*.whiteList.sourceRange', 'is supported, so it is never left out'],
    ['backends.*.maxConn', 'is supported, so it is never left out'],
    ['backends.*.buffering.maxRequestBodyBytes', 'is supported, so it is never left out'],
  ])('%j %s', (path, flaw) => {
    const options = { unsupportedFields: { warn: ['tls', path] } }
    expect(() => validateConfig({}, options)).toThrow(
      expect.objectContaining({
        code: 'PROXY_OPTION_INVALID',
        message: expect.stringContaining(`unsupportedFields.warn: ${JSON.stringify(path)} ${flaw}`),
      }),
    )
  })
})

describe('Router.compile', () => {
  it.each(guardsOfFrontends())(
    'refuses a frontend with %s, which its answers would know nothing of',
    (field) => {
      const frontends = { web: { backend: 'b', rule: 'Path:/', [field]: { on: true } } }
      const refusal = () => {
        try {
          Router.compile({ frontends })
          return undefined
        } catch (error) {
          return (error as ProxyError).issues
        }
      }
      expect(refusal()).toMatchObject([{ path: `frontends.web.${field}`, code: 'NOT_SUPPORTED' }])
      expect(() => Router.compile({ frontends: { web: { ...frontends.web, [field]: null } } })).not.toThrow()
      const named = { unsupportedFields: { warn: [`frontends.*.${field}`] } }
      const checked = validateConfig({ frontends, backends: { b: { servers: {} } } }, named)
      expect(checked.ok && Router.compile(checked.config).frontends).toHaveLength(1)
    },
  )
})

function guardsOfFrontends(): string[] {
  return GUARDING.flatMap((pattern) => /^frontends\.\*\.(\w+)$/.exec(pattern)?.[1] ?? [])
}
