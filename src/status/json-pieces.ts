import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setImmediate as nextTurn } from 'node:timers/promises'

/** A JSON object whose members are computed one by one while the object is written. It may have a hundred thousand members. */
export class Entries {
  readonly each: Iterable<readonly [name: string, value: unknown]>

  constructor(each: Iterable<readonly [name: string, value: unknown]>) {
    this.each = each
  }
}

/**
 * Yields the JSON text of a value in pieces. Each member of `Entries`, and of a plain object that contains `Entries`, begins a
 * new piece. Any other value is one piece.
 */
export function* jsonPieces(value: unknown): Generator<string> {
  const entries = value instanceof Entries ? value.each : isPlain(value) ? Object.entries(value) : undefined
  if (entries === undefined) {
    yield JSON.stringify(value)
    return
  }
  let before = '{'
  for (const [name, entry] of entries) {
    if (entry === undefined) continue
    yield `${before}${JSON.stringify(name)}:`
    yield* jsonPieces(entry)
    before = ','
  }
  yield before === '{' ? '{}' : '}'
}

/** Characters of JSON text that are produced in one turn of the event loop. Between two turns the proxy serves requests. */
const PIECE = 64 * 1024

/**
 * Writes a value as JSON and ends the response. All JSON text is produced before the first byte is sent. A client that does not
 * read would otherwise keep the configuration that it requested in memory. For the same reason the caller must not await the
 * promise in a function that still refers to the value.
 *
 * @returns a promise that rejects if the client disconnects before the end
 */
export function writeJson(res: ServerResponse, value: unknown): Promise<void> {
  return gathered(value).then((pieces) => pipeline(Readable.from(pieces), res))
}

async function gathered(value: unknown): Promise<string[]> {
  const pieces: string[] = []
  let text = ''
  for (const piece of jsonPieces(value)) {
    text += piece
    if (text.length < PIECE) continue
    pieces.push(text)
    text = ''
    await nextTurn()
  }
  return [...pieces, `${text}\n`]
}

/** Tells whether a value is an object that contains `Entries` at any depth. Any other value is written as one piece. */
function isPlain(value: unknown): value is object {
  return typeof value === 'object' && value !== null && Object.values(value).some(holdsEntries)
}

function holdsEntries(value: unknown): boolean {
  return value instanceof Entries || isPlain(value)
}
