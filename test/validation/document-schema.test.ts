import { describe, expect, it } from 'vitest'
import { describeValue, pathOf } from '../../src/base/messages.js'
import { placedFields } from '../../src/base/schema.js'
import { DOCUMENT } from '../../src/validation/document-schema.js'
import { RESERVED_NAMES } from '../../src/validation/names.js'
import { notBuiltIn, objectAt } from '../support/schema-objects.js'

describe('pathOf', () => {
  it.each([
    ['', 'frontends', 'frontends'],
    ['frontends', 'web', 'frontends.web'],
    ['frontends', 'web-1_b', 'frontends.web-1_b'],
    ['frontends', '__proto__', 'frontends.__proto__'],
    ['frontends', 'a.b', 'frontends["a.b"]'],
    ['frontends', 'a b', 'frontends["a b"]'],
    ['frontends', '', 'frontends[""]'],
    ['frontends', 'say "x"\n', 'frontends["say \\"x\\"\\n"]'],
    ['', 'a.b', '["a.b"]'],
  ])('%j and %j: %s', (parent, name, path) => {
    expect(pathOf(parent, name)).toBe(path)
  })
})

describe('describeValue', () => {
  it.each([
    [null, 'null'],
    [undefined, 'nothing'],
    [[1, 2], 'a list'],
    [{ a: 1 }, 'an object'],
    [Object.create(null), 'an object'],
    ['text', 'string "text"'],
    ['', 'string ""'],
    [80, 'number 80'],
    [Number.NaN, 'number NaN'],
    [true, 'boolean true'],
    [10n, 'bigint 10'],
    [Symbol('s'), 'symbol Symbol(s)'],
  ])('calls %o %s', (value, said) => {
    expect(describeValue(value)).toBe(said)
  })

  it('cuts what is long', () => {
    expect(describeValue('x'.repeat(1_000_000))).toBe(`string "${'x'.repeat(59)}...`)
  })
})

describe('the schema', () => {
  it('has no field with a reserved name', () => {
    const names = placedFields(DOCUMENT).map(({ path }) => path.split('.').at(-1) as string)
    expect(names.filter((name) => RESERVED_NAMES.includes(name))).toEqual([])
  })

  // Written down a second time: a field that was marked as built by mistake would be accepted and ignored.
  it.each<[string, string]>([
    ['', 'tls'],
    [
      'frontends',
      'passTLSCert passTLSClientCert auth basicAuth whitelistSourceRange redirect errors ratelimit headers',
    ],
    ['backends', 'responseForwarding'],
    ['backends.*.buffering', 'maxResponseBodyBytes memRequestBodyBytes memResponseBodyBytes retryExpression'],
  ])("knows Traefik 1.7's other fields of %s by name", (path, names) => {
    expect(notBuiltIn(objectAt(path))).toEqual(names.split(' '))
  })

  it('has no other field that is not built', () => {
    const others = placedFields(DOCUMENT).filter(({ field }) => field.kind === 'later')
    expect(others).toHaveLength(15)
  })
})
