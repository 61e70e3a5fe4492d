import { ServerResponse } from 'node:http'

/**
 * A response that may buffer the bytes that are written to it, as middleware
 * such as `compression` does. Its method `flush` sends the buffered bytes.
 */
type Flushable = ServerResponse & { readonly flush: () => void }

/**
 * Returns whether a response has a `flush` method. Middleware of the
 * application, such as `compression`, adds one if it buffers what is written.
 */
export function isFlushable(res: ServerResponse): res is Flushable {
  return typeof (res as Partial<Flushable>).flush === 'function'
}

/**
 * Maximum number of bytes in a response body that is written together with
 * its head. Copying a larger body would take longer than a second write.
 */
const MAX_JOINED = 8 * 1024

/**
 * Node's own `write` and `end` methods of a response. The application may have
 * replaced them, for example for compression, by functions that accept no strings.
 */
const { write: WRITE, end: END } = ServerResponse.prototype

/**
 * Sends a small response body together with the head that was not sent yet, as one string in one
 * write, and ends the response. A separate chunk for the body would need a `writev`, which takes
 * twice the time. A string given to `end` would need it too, because Node adds an empty chunk.
 *
 * @returns true if the response has ended; false if nothing was written, and the caller must write the body
 */
export function writeJoined(res: ServerResponse, body: Buffer): boolean {
  if (body.length > MAX_JOINED || res.write !== WRITE || res.end !== END) return false
  res.write(body.toString('latin1'), 'latin1')
  res.socket?.uncork()
  res.end()
  return true
}
