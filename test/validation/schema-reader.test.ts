import { describe, expect, it } from 'vitest'
import type { Field } from '../../src/base/field-kinds.js'
import { flag, later, list, named, number, object, text } from '../../src/base/schema.js'
import { SchemaReader } from '../../src/validation/schema-reader.js'
import { unsupportedPolicy } from '../../src/validation/unsupported-fields.js'

const NAMED = named({ meaning: 'Entries by name.', of: text({ meaning: 'An entry.' }) })

describe('names', () => {
  it.each([
    ['__proto__', 'is reserved'],
    ['constructor', 'is reserved'],
    ['prototype', 'is reserved'],
    ['', 'is empty'],
    ['web@file', 'has "@" in it, which separates a name from its provider'],
    ['web\n', 'has a control character in it'],
    ['web\u0000', 'has a control character in it'],
  ])('%j is refused, and its entry left out', (name, flaw) => {
    const checker = new SchemaReader({})
    const entries = JSON.parse(`{${JSON.stringify(name)}:1,"good":2}`)
    expect([...checker.names(NAMED, entries, 'frontends')].filter((entry) => entry !== undefined)).toEqual([
      ['good', 2],
    ])
    expect(checker.issues).toEqual([
      {
        path: expect.stringMatching(/^frontends[.[]/),
        code: 'INVALID_NAME',
        message: `the name ${JSON.stringify(name)} ${flaw}`,
      },
    ])
  })

  it.each(['web', 'a.b', 'a b', 'a/b', 'toString', 'hasOwnProperty', 'ü', '0', '-'])(
    '%j is accepted',
    (name) => {
      const checker = new SchemaReader({})
      expect(
        [...checker.names(NAMED, { [name]: 1 }, 'frontends')].filter((entry) => entry !== undefined),
      ).toEqual([[name, 1]])
      expect(checker.issues).toEqual([])
    },
  )
})

describe('a field', () => {
  type Kind = 'text' | 'wholeNumber' | 'flag' | 'texts'
  const meaning = 'A field.'
  const FIELDS: Readonly<Record<Kind, Field>> = {
    text: text({ meaning }),
    wholeNumber: number({ meaning, isWhole: true, expected: 'a whole number' }),
    flag: flag({ meaning }),
    texts: list({ meaning }),
  }

  it.each<[Kind, unknown, string]>([
    ['text', 5, 'expected a text, found number 5'],
    ['wholeNumber', '5', 'expected a whole number, found string "5"'],
    ['wholeNumber', 2 ** 53, 'expected a whole number, found number 9007199254740992'],
    ['wholeNumber', 1.5, 'expected a whole number, found number 1.5'],
    ['flag', 'true', 'expected true or false, found string "true"'],
    ['flag', 0, 'expected true or false, found number 0'],
    ['texts', 'web', 'expected a list of at least one text, found string "web"'],
    ['texts', ['web', 1], 'expected a list of at least one text, found a list'],
    // An empty list may be meant to let nothing through, so it is not read as no list at all.
    ['texts', [], 'expected a list of at least one text, found an empty list'],
    ['texts', false, 'expected a list of at least one text, found boolean false'],
    ['texts', { 0: 'web', length: 1 }, 'expected a list of at least one text, found an object'],
  ])('that should be a %s, and is %j, is noted and left out', (kind, value, message) => {
    const fields = new SchemaReader({})
    expect(fields.read(FIELDS[kind], value, 'a.b')).toBeUndefined()
    const code = kind === 'wholeNumber' && typeof value === 'number' ? 'INVALID_VALUE' : 'INVALID_TYPE'
    expect(fields.issues).toEqual([{ path: 'a.b', code, message }])
  })

  it.each<[Kind, unknown]>([
    ['text', 'a'],
    ['wholeNumber', -5],
    ['flag', false],
    ['texts', ['a', 'b']],
  ])('that is a %s is read: %j', (kind, value) => {
    const fields = new SchemaReader({})
    expect(fields.read(FIELDS[kind], value, 'a.b')).toEqual(value)
    expect(fields.issues).toEqual([])
  })

  it.each<[Kind, unknown]>([
    ['text', null],
    ['text', ''],
    ['wholeNumber', null],
    ['flag', null],
    ['texts', null],
  ])('that is a %s and off, as %j, asks for nothing', (kind, value) => {
    const fields = new SchemaReader({})
    expect(fields.read(FIELDS[kind], value, 'a.b')).toBeUndefined()
    expect(fields.issues).toEqual([])
  })

  it.each<[Kind]>([['text'], ['wholeNumber'], ['flag'], ['texts']])(
    'that is not there is none, and no issue: %s',
    (kind) => {
      const fields = new SchemaReader({})
      expect(fields.read(FIELDS[kind], undefined, 'a.b')).toBeUndefined()
      expect(fields.issues).toEqual([])
    },
  )

  it('that is a list of texts is copied', () => {
    const list = ['a']
    expect(new SchemaReader({}).read(FIELDS.texts, list, 'a')).not.toBe(list)
  })
})

describe('an object', () => {
  const meaning = 'A field.'
  const shape = object<{ rule?: string; priority?: number }>(
    { type: 'Some', meaning },
    { rule: text({ meaning }), priority: number({ meaning, expected: 'a number' }) },
    { auth: later(meaning) },
  )

  it('gives its own fields, and notes those that its kind does not have', () => {
    const fields = new SchemaReader({})
    const value = Object.assign(Object.create({ priority: 5 }), {
      rule: 'x',
      prority: 1,
      auth: { on: true },
      zzzzzzzzz: 1,
    })
    expect(fields.fields(shape, value, 'web')).toEqual({ rule: 'x' })
    expect(fields.issues).toEqual([
      {
        path: 'web.prority',
        code: 'UNKNOWN_FIELD',
        message: 'there is no field "prority" here; the nearest known one is "priority"',
      },
      { path: 'web.auth', code: 'NOT_SUPPORTED', message: 'auth of Traefik is not supported yet' },
      { path: 'web.zzzzzzzzz', code: 'UNKNOWN_FIELD', message: 'there is no field "zzzzzzzzz" here' },
      {
        path: 'web.priority',
        code: 'INVALID_TYPE',
        message: 'expected an own, enumerable field, found one that is inherited',
      },
    ])
  })

  it('names a hundred that its kind does not have, and counts the others', () => {
    const fields = new SchemaReader({})
    const strangers = Object.fromEntries(Array.from({ length: 50_000 }, (_, nth) => [`f${nth}`, 0]))
    expect(fields.fields(shape, { rule: 'x', ...strangers }, 'web')).toEqual({ rule: 'x' })
    expect(fields.issues).toHaveLength(101)
    expect(fields.issues[99]).toMatchObject({ path: 'web.f99', code: 'UNKNOWN_FIELD' })
    expect(fields.issues[100]).toEqual({
      path: 'web',
      code: 'UNKNOWN_FIELD',
      message: 'there are 49900 more unknown fields here',
    })
  })

  it('has a field that is not built yet: a warning, where that was asked for', () => {
    const fields = new SchemaReader({}, unsupportedPolicy('warn'))
    expect(fields.fields(shape, { rule: 'x', auth: { on: true } }, 'web')).toEqual({ rule: 'x' })
    expect(fields.issues).toEqual([])
    expect(fields.warnings).toMatchObject([{ path: 'web.auth', code: 'NOT_SUPPORTED' }])
  })

  it.each([
    [null, 'null'],
    [[], 'an empty list'],
    ['x', 'string "x"'],
    [undefined, 'nothing'],
  ])('is none of %j', (value, found) => {
    const fields = new SchemaReader({})
    expect(fields.fields(shape, value, 'web')).toBeUndefined()
    expect(fields.issues).toEqual([
      { path: 'web', code: 'INVALID_TYPE', message: `expected an object, found ${found}` },
    ])
  })
})
