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

/** As much as leaves in one turn of the event loop, in characters: requests are served in between. */
const PIECE = 64 * 1024

/** Writes JSON as fast as it is read, and ends the response. @throws Error if its client leaves before the end */
export async function writeJson(res: ServerResponse, value: unknown): Promise<void> {
  await pipeline(Readable.from(gathered(value)), res)
}

async function* gathered(value: unknown): AsyncGenerator<string> {
  let text = ''
  for (const piece of jsonPieces(value)) {
    text += piece
    if (text.length < PIECE) continue
    yield text
    text = ''
    await nextTurn()
  }
  yield `${text}\n`
}

/** Objects in which `Entries` may stand; a list is written at once. */
function isPlain(value: unknown): value is object {
  return typeof value === 'object' && value !== null && Object.values(value).some(holdsEntries)
}

function holdsEntries(value: unknown): boolean {
  return value instanceof Entries || isPlain(value)
}
