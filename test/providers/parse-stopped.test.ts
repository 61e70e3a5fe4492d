import { expect, it } from 'vitest'
import { documentOf } from '../../src/providers/file/merge-files.js'
import { parseText } from '../../src/providers/parse-document.js'

/** Takes a thread a second or more. */
const SLOW = `frontends:\n${Array.from({ length: 10_000 }, (_, nth) => ` f${nth}: {backend: b, rule: "Path:/"}\n`).join('')}`

/** Else a proxy that was closed keeps its process running until the thread has parsed to its end. */
it.each<[string, (signal: AbortSignal) => Promise<unknown>]>([
  ['an answer', (signal) => parseText(SLOW, 'yaml', 'a.yaml', { signal })],
  ['files', (signal) => documentOf([{ name: 'a.yaml', bytes: Buffer.from(SLOW) }], signal)],
])('a signal ends the thread that parses %s', async (_what, parse) => {
  const stopping = new AbortController()
  const parsing = parse(stopping.signal)
  setImmediate(() => stopping.abort(new Error('stopped')))
  await expect(parsing).rejects.toThrow('stopped')
  await expect(parse(AbortSignal.abort(new Error('stopped before')))).rejects.toThrow('stopped before')
})
