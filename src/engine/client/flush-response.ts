import { ServerResponse } from 'node:http'

/** One that may keep back what was written, as those behind the middleware `compression` do. */
type Flushable = ServerResponse & { readonly flush: () => void }

/** Whether a host has put its own in place of Node's `write`, with a way to let go of what that keeps. */
export function isFlushable(res: ServerResponse): res is Flushable {
  return typeof (res as Partial<Flushable>).flush === 'function'
}

/** What may have something to do once all that has arrived was handled. */
interface TurnWatcher {
  turnEnded(): void
}

const watchers: TurnWatcher[] = []

/**
 * Calls `turnEnded` at the end of this turn of the event loop. All that came in one read of a server's connection was
 * written by then, so what is flushed is as much as can be.
 */
export function atEndOfTurn(watcher: TurnWatcher): void {
  if (watchers.push(watcher) === 1) setImmediate(tellAll)
}

function tellAll(): void {
  for (const watcher of watchers.splice(0)) watcher.turnEnded()
}

/** Bytes of a body that is joined with its head: a copy of more would take longer than a second piece. */
const MAX_JOINED = 8 * 1024

/** A host that has put something of its own in their place, to compress for example, may not expect texts. */
const { write: WRITE, end: END } = ServerResponse.prototype

/**
 * Writes a whole body behind a head that has not left, if it is small. Both leave as one text, in one write: as two pieces, or
 * with the empty one that Node adds to a text that it is given at the end, they would take a `writev` and twice the time.
 *
 * @returns whether it did, and the response has ended
 */
export function writeJoined(res: ServerResponse, body: Buffer): boolean {
  if (body.length > MAX_JOINED || res.write !== WRITE || res.end !== END) return false
  res.write(body.toString('latin1'), 'latin1')
  res.socket?.uncork()
  res.end()
  return true
}
