import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
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

/** Writes JSON as fast as it is read, and ends the response. */
export async function writeJson(res: ServerResponse, value: unknown): Promise<void> {
  let text = ''
  for (const piece of jsonPieces(value)) {
    text += piece
    if (text.length < PIECE) continue
    if (res.destroyed) return
    if (!res.write(text)) await Promise.race([once(res, 'drain'), once(res, 'close')])
    await nextTurn()
    text = ''
  }
  res.end(`${text}\n`)
}

/** Objects in which `Entries` may stand; a list is written at once. */
function isPlain(value: unknown): value is object {
  return typeof value === 'object' && value !== null && Object.values(value).some(holdsEntries)
}

function holdsEntries(value: unknown): boolean {
  return value instanceof Entries || isPlain(value)
}
