import { validateConfig } from 'switchover'
import { describe, expect, it } from 'vitest'

const OWN = { backend: 'b', rule: 'Path:/' }
const BACKEND = { servers: { s: { url: 'http://127.0.0.1:9' } } }
const GUARDS = {
  auth: { basic: { users: ['a:b'] } },
  whiteList: { sourceRange: ['10.0.0.0/8'] },
}

function refusals(frontend: unknown, backend: object = BACKEND): string[] {
  const checked = validateConfig({ frontends: { f: frontend }, backends: { b: backend } } as object, {
    unsupportedFields: 'warn',
  })
  return checked.ok ? [] : checked.issues.map(({ path, code, message }) => `${path} ${code} ${message}`)
}

class WithGetter {
  backend = OWN.backend
  rule = OWN.rule
  get whiteList() {
    return GUARDS.whiteList
  }
}

describe.each(Object.entries(GUARDS))(
  'a frontend whose %s cannot be seen among its own fields',
  (name, guard) => {
    const own = 'INVALID_TYPE expected an own, enumerable field, found one that is'
    it.each<[string, unknown, string]>([
      ['inherited', Object.assign(Object.create({ [name]: guard }), OWN), 'inherited'],
      [
        'of an object without a prototype',
        Object.assign(Object.create(Object.assign(Object.create(null), { [name]: guard })), OWN),
        'inherited',
      ],
      ['not enumerable', Object.defineProperty({ ...OWN }, name, { value: guard }), 'not enumerable'],
    ])('is refused: %s', (_how, frontend, how) => {
      expect(refusals(frontend)).toEqual([`frontends.f.${name} ${own} ${how}`])
    })
  },
)

it('refuses a getter of a class', () => {
  expect(refusals(new WithGetter())).toEqual([
    expect.stringMatching(/^frontends\.f\.whiteList INVALID_TYPE .* inherited$/),
  ])
})

it('takes objects of a class without a guard, and without a prototype', () => {
  class Plain {
    backend = OWN.backend
    rule = OWN.rule
  }
  expect(refusals(new Plain())).toEqual([])
  expect(refusals(Object.assign(Object.create(null), OWN))).toEqual([])
})

describe('an auth that is a Proxy is refused, whatever the Proxy shows', () => {
  const revoked = Proxy.revocable<object>(GUARDS.auth, {})
  revoked.revoke()
  it.each<[string, unknown]>([
    ['a revoked one', revoked.proxy],
    ['one that lists no keys', new Proxy(GUARDS.auth, { ownKeys: () => [] })],
    ['one of an empty list', new Proxy([], {})],
  ])('%s', (_what, auth) => {
    expect(refusals({ ...OWN, auth })).toEqual([expect.stringMatching(/^frontends\.f\.auth NOT_SUPPORTED /)])
  })
})

it('refuses a white list that is a Proxy and lists no keys', () => {
  const whiteList = new Proxy(GUARDS.whiteList, { ownKeys: () => [] })
  expect(refusals({ ...OWN, whiteList })).toEqual([
    expect.stringMatching(/^frontends\.f\.whiteList\.sourceRange MISSING_FIELD /),
  ])
})

describe('entries that are no fields are refused', () => {
  it.each<[string, unknown]>([
    ['a Map', new Map([['maxRequestBodyBytes', 10]])],
    ['a Set', new Set(['maxRequestBodyBytes'])],
    ['a date', new Date(0)],
  ])('%s', (kind, buffering) => {
    expect(refusals(OWN, { ...BACKEND, buffering })).toEqual([
      `backends.b.buffering INVALID_TYPE expected an object, found ${kind}`,
    ])
    const { ok, ...rest } = validateConfig({ frontends: buffering, backends: {} } as object)
    expect([ok, JSON.stringify(rest)]).toEqual([
      false,
      expect.stringContaining(`expected an object with names as keys, found ${kind}`),
    ])
  })
})
