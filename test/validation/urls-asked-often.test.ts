import { describe, expect, it } from 'vitest'
import { flawOfAuthority, flawOfPath } from '../../src/base/written-url.js'
import { parseServerUrl } from '../../src/validation/server-url.js'

/** Enough for V8 to compile what is called: `URL.canParse` of Node 20 changes its answer then. */
const OFTEN = 30_000

/** As texts of a document are: those that are put together go another way through V8. */
const flat = (text: string): string => JSON.parse(JSON.stringify(text))

describe('a URL with characters of Latin-1 is refused however often URLs were looked at', () => {
  it.each<[string, (nth: number) => string, (text: string) => string | undefined]>([
    ['a soft hyphen in an address', () => 'http://127\u00ad', flawOfAuthority],
    ['a letter in a host', () => 'http://b\u00fccher.test', flawOfAuthority],
    ['a letter in a path', () => 'http://a.test/\u00e9', flawOfPath],
    // Each another: those of before are known.
    ["a server's host", (nth) => `http://h${nth}\u00ad.test`, (text) => parseServerUrl(text).flaw],
    ["a server's path", (nth) => `http://h${nth}.test/\u00e9`, (text) => parseServerUrl(text).flaw],
  ])('%s', (_what, textOf, flawOf) => {
    const flaws = Array.from({ length: OFTEN }, (_, nth) => flawOf(flat(textOf(nth))) ?? 'taken')
    expect(flaws.findIndex((flaw) => !flaw.includes('which is read as'))).toBe(-1)
  })
})
