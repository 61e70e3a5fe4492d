import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setImmediate as nextTurn } from 'node:timers/promises'

/** An object whose entries are worked out one by one, as they are written: there may be a hundred thousand. */
export class Entries {
  readonly each: Iterable<readonly [name: string, value: unknown]>

  constructor(each: Iterable<readonly [name: string, value: unknown]>) {
    this.each = each
  }
}

/** The JSON of a value, in pieces: of `Entries`, and of plain objects around them, one for each entry. */
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

/** As much as is made in one turn of the event loop, in characters: requests are served in between. */
const PIECE = 64 * 1024

/**
 * Writes JSON, and ends the response. All of it is made before the first of it leaves: a client that does not read must not
 * keep alive the configuration that it asked for. Nor may whoever calls this wait for it in a function that still knows
 * the value.
 *
 * @returns rejects if its client leaves before the end
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

/** Objects in which `Entries` may stand; a list is written at once. */
function isPlain(value: unknown): value is object {
  return typeof value === 'object' && value !== null && Object.values(value).some(holdsEntries)
}

function holdsEntries(value: unknown): boolean {
  return value instanceof Entries || isPlain(value)
}
