import { describe, expect, it } from 'vitest'
import {
  checkNames,
  HOP_BY_HOP,
  hiddenFromRules,
  kindOfField,
  notForwarded,
  ORDINARY,
} from '../../../src/engine/headers/proxy-fields.js'

const FRAMING = [...HOP_BY_HOP, 'content-length', 'max-forwards']
const WRITTEN = ['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'x-forwarded-port', 'x-real-ip']
const TOLD = ['x-replaced-path', 'x-forwarded-prefix', 'x-forwarded-user', 'x-forwarded-tls-client-cert']
const DASHED = [...FRAMING, ...WRITTEN, ...TOLD].filter((name) => name.includes('-'))
/** What a token may hold beside letters, digits and the dash (RFC 9110, 5.6.2). */
const SIGNS = [..."!#$%&'*+.^_`|~"]

/** A name with some of its dashes written otherwise, in each way, in several cases. */
function twinsOf(name: string): string[] {
  const places = [...name.matchAll(/-/g)].map(({ index }) => index)
  const sets = Array.from({ length: 2 ** places.length - 1 }, (_, bits) =>
    places.filter((_place, at) => (bits + 1) & (1 << at)),
  )
  return SIGNS.flatMap((sign) =>
    sets.flatMap((set) => {
      const twin = [...name].map((letter, at) => (set.includes(at) ? sign : letter)).join('')
      return [twin, twin.toUpperCase()]
    }),
  )
}

const isDropped = (name: string, trusted: boolean, twins: 'drop' | 'refuse' | 'keep'): boolean =>
  (kindOfField(name) & notForwarded(trusted, twins)) !== 0
const isHidden = (name: string, trusted: boolean, twins: 'drop' | 'refuse' | 'keep'): boolean =>
  (kindOfField(name) & hiddenFromRules(trusted, twins)) !== 0

describe('a twin of a field of the table', () => {
  it.each(DASHED)('%s goes on by no spelling', (name) => {
    for (const twin of twinsOf(name)) {
      for (const trusted of [true, false]) {
        expect(isDropped(twin, trusted, 'drop'), twin).toBe(true)
        expect(isHidden(twin, trusted, 'drop'), twin).toBe(true)
      }
      expect(() => checkNames(['X', 'a', twin, 'b'], true), twin).toThrow(
        expect.objectContaining({
          code: 'PROXY_BAD_REQUEST',
          message: `servers may read the header "${twin}" as another one, which this proxy checks or writes (option underscoreHeaders)`,
        }),
      )
      expect(() => checkNames([twin, 'b'], false)).not.toThrow()
    }
  })

  it.each([
    [FRAMING, { stranger: false, trusted: false }],
    [WRITTEN, { stranger: true, trusted: true }],
    [TOLD, { stranger: true, trusted: false }],
  ])('of %j is kept as far as its field may be said', (names, dropped) => {
    for (const twin of names.filter((name) => name.includes('-')).flatMap(twinsOf)) {
      expect(isDropped(twin, false, 'keep'), twin).toBe(dropped.stranger)
      expect(isDropped(twin, true, 'keep'), twin).toBe(dropped.trusted)
      expect(isHidden(twin, false, 'keep'), twin).toBe(dropped.stranger)
      expect(isHidden(twin, true, 'keep'), twin).toBe(dropped.trusted)
    }
  })
})

describe('other names', () => {
  it.each([
    'x_user',
    'X.Request.Id',
    'session_id',
    'x-forwarded',
    'x_forwarded',
    'content_type',
    '_',
    'a'.repeat(100),
  ])('%s is the client’s own', (name) => {
    expect(kindOfField(name)).toBe(ORDINARY)
    expect(() => checkNames([name, 'x'], true)).not.toThrow()
  })

  it.each(['Content-Length ', 'X A', '', 'X\u00e4', 'X(A)', `${'x'.repeat(100)} `])('%j is none', (name) => {
    expect(() => checkNames([name, 'x'], false)).toThrow(/is not a valid name of a header/)
  })

  it('are known however often they were asked for, and however many others were', () => {
    for (let number = 0; number < 5_000; number += 1) kindOfField(`x-${number}`)
    for (let time = 0; time < 3; time += 1) {
      expect(kindOfField('X_Real_Ip')).toBe(kindOfField('x.real.ip'))
      expect(kindOfField(`x_forwarded_${'a'.repeat(100)}`)).toBe(kindOfField('x_forwarded_a'))
    }
  })
})
