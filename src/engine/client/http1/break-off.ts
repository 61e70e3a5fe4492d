import type { ServerResponse } from 'node:http'
import { Socket } from 'node:net'

/**
 * Milliseconds between the last bytes to a client and the TCP reset (RST), so that the client
 * can read those bytes first. If both arrive together, a client that uses libuv, such as Node,
 * may report a regular end. Some operating systems discard unread bytes when a reset arrives.
 */
const RESET_AFTER_MS = 50

/** A response with Node's private field `_header`, which is the text of the response head that was written. */
type Written = ServerResponse & { readonly _header?: string | null }
/** A socket with Node's private field `_parent`. In a TLS socket, it is the TCP socket that carries TLS. */
type Layered = Socket & { readonly _parent?: unknown }

const broken = new WeakSet<ServerResponse>()

/**
 * Closes a client's connection before the response on it is complete, in such a way that the client notices.
 *
 * A response without `Content-Length` and without chunks ends with its connection (RFC
 * 9112, 6.3 and 8). After a regular close (FIN), such a response would look complete, so
 * this function resets the connection. Over TLS, the reset also skips `close_notify`.
 */
export function breakOff(res: ServerResponse): void {
  const { socket } = res
  if (!socket || !endsWithConnection(res)) {
    res.destroy()
    return
  }
  if (broken.has(res)) return
  broken.add(res)
  // Waits before the reset. `setImmediate` adds a turn of the event loop, because
  // a client in this same process needs that turn to read the last bytes.
  setTimeout(() => setImmediate(resetNow, res, socket), RESET_AFTER_MS)
}

function resetNow(res: ServerResponse, socket: Socket): void {
  reset(socket)
  res.destroy()
}

/** Returns whether the client would take the end of its connection for the end of the response. */
function endsWithConnection(res: Written): boolean {
  if (!res.headersSent || res.writableFinished || res.destroyed) return false
  if (res.req.httpVersion !== '1.1') return true
  return !res.chunkedEncoding && !/^content-length:/im.test(res._header ?? '')
}

/**
 * Resets the TCP connection (RST). On a Unix socket, this function does nothing, and the caller closes the socket by `destroy`.
 */
function reset(socket: Layered): void {
  const { _parent: parent } = socket
  const lowest = parent instanceof Socket ? parent : socket
  if (lowest.destroyed || lowest.remoteAddress === undefined) return
  // Replaces Node's `destroySoon`, which would write the remaining bytes and send a FIN before
  // the reset. A slow client would keep the connection open, and a fast client would see the FIN.
  lowest.destroySoon = () => void lowest.destroy()
  lowest.resetAndDestroy()
}
