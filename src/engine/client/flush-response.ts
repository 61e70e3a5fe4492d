import { ServerResponse } from 'node:http'

/** A response that may buffer what was written, such as one behind the `compression` middleware. `flush` sends the buffer. */
type Flushable = ServerResponse & { readonly flush: () => void }

/** Returns whether the host has replaced Node's `write` by one that buffers and that has a `flush` method. */
export function isFlushable(res: ServerResponse): res is Flushable {
  return typeof (res as Partial<Flushable>).flush === 'function'
}

/** An object that wants a call at the end of a turn of the event loop. */
interface TurnWatcher {
  turnEnded(): void
}

const watchers: TurnWatcher[] = []

/**
 * Calls `turnEnded` at the end of this turn of the event loop. By then, everything from
 * one read of a server's connection was written, so that one flush sends all of it.
 */
export function atEndOfTurn(watcher: TurnWatcher): void {
  if (watchers.push(watcher) === 1) setImmediate(tellAll)
}

function tellAll(): void {
  for (const watcher of watchers.splice(0)) watcher.turnEnded()
}

/** Bytes up to which a body is joined with its head. Copying a larger body would take longer than a second write. */
const MAX_JOINED = 8 * 1024

/**
 * Node's own `write` and `end`. A host may have replaced them, for
 * compression for example, by functions that accept no strings.
 */
const { write: WRITE, end: END } = ServerResponse.prototype

/**
 * Writes a small body together with its unsent head, as one string in one write. Two chunks would need a `writev`
 * and take twice the time. The same is true for the empty chunk that Node adds to a string given to `end`.
 *
 * @returns true if the response has ended; false if nothing was written
 */
export function writeJoined(res: ServerResponse, body: Buffer): boolean {
  if (body.length > MAX_JOINED || res.write !== WRITE || res.end !== END) return false
  res.write(body.toString('latin1'), 'latin1')
  res.socket?.uncork()
  res.end()
  return true
}
