import { describe, expect, it } from 'vitest'
import { parseText } from '../../src/providers/parse-document.js'

/** Entries of a table: so many that the document is parsed in a thread, and passed on in parts. */
const ENTRIES = Array.from({ length: 3_000 }, (_, nth) => ` a${nth}: {}\n`).join('')

const parsed = (text: string) =>
  parseText(text, 'yaml', 'a.yaml').catch((error: unknown) => (error as Error).message)

describe('the name of a large table of YAML', () => {
  it.each([
    ['null', ''],
    ['~', ''],
    ['""', ''],
    ['0x10', '16'],
    ['1.0', '1'],
    ['true', 'true'],
    ['"a b"', 'a b'],
    ['!!str 1', '1'],
    ['"__pro\\x74o__"', '__proto__'],
  ])('%s is %j, as in a small one', async (written, name) => {
    const large = (await parsed(`${written}:\n${ENTRIES}b: 1\n`)) as Record<string, object>
    expect(Object.keys(large)).toEqual(Object.keys((await parsed(`${written}: {}\nb: 1\n`)) as object))
    expect(Object.keys(large)).toEqual([name, 'b'])
    const own = Object.getOwnPropertyDescriptor(large, name)?.value
    expect(Object.keys(own)).toHaveLength(3_000)
  })
})

describe.each<[string, (lines: string) => string]>([
  ['small', (lines) => lines],
  ['in a thread', (lines) => `${lines}more:\n${ENTRIES}`],
])('YAML, %s,', (_size, document) => {
  it.each([
    ['a number and a text', 'a:\n  1: x\n  "1": y\n', '"1" occurs twice'],
    ['a word and a text', 'a:\n  true: x\n  "true": y\n', '"true" occurs twice'],
    ['nothing and an empty text', 'a:\n  ~: x\n  "": y\n', '"" occurs twice'],
    ['two numbers of one value', 'a:\n  0x10: x\n  16: y\n', '"16" occurs twice'],
    ['a name by its alias', 'a:\n  &n b: x\n  *n : y\n', 'a name that is not text'],
    ['an alias', 'n: &n b\na:\n  *n : y\n', 'a name that is not text'],
    ['a table', 'a:\n  ? {b: 1}\n  : y\n', 'a name that is not text'],
    ['a list', 'a:\n  ? [b]\n  : y\n', 'a name that is not text'],
    ['an ordered map', 'a: !!omap [b: 1]\n', 'a tag that documents may not have'],
    ['a set', 'a: !!set {b, c}\n', 'a tag that documents may not have'],
    ['pairs', 'a: !!pairs [b: 1]\n', 'a tag that documents may not have'],
    ['bytes', 'a: !!binary QUJD\n', 'a tag that documents may not have'],
    ['a date', 'a: !!timestamp 2001-12-14\n', 'a tag that documents may not have'],
  ])('is refused for %s', async (_what, lines, flaw) => {
    expect(await parsed(document(lines))).toMatch(/^a\.yaml:\d+:\d+: /)
    expect(await parsed(document(lines))).toContain(flaw)
  })

  it('may say of what kind its values are', async () => {
    const lines = 'a: !!map {b: !!seq [!!str 1, !!int "2", !!float "1.5", !!bool "true", !!null "", ! 3]}\n'
    expect(await parsed(document(lines))).toMatchObject({ a: { b: ['1', 2, 1.5, true, null, '3'] } })
  })
})
