import type { ServerResponse } from 'node:http'
import { Socket } from 'node:net'

/**
 * Milliseconds between the last bytes and the reset, so that the client can read those bytes. If both arrive
 * together, programs on libuv, such as Node, may report a regular end. Some systems discard unread bytes at a reset.
 */
const RESET_AFTER_MS = 50

/** A response with Node's field for its head, as the head was written. */
type Written = ServerResponse & { readonly _header?: string | null }
/** A socket with Node's field for the connection below TLS. */
type Layered = Socket & { readonly _parent?: unknown }

const broken = new WeakSet<ServerResponse>()

/**
 * Ends a client's connection before its response is complete.
 *
 * Some responses end only with their connection. Such a response would look complete after a FIN (RFC
 * 9112, 6.3 and 8). Its connection ends by a reset instead. Over TLS, the reset also skips `close_notify`.
 */
export function breakOff(res: ServerResponse): void {
  const { socket } = res
  if (!socket || !endsWithConnection(res)) {
    res.destroy()
    return
  }
  if (broken.has(res)) return
  broken.add(res)
  // A client in this same process also needs a turn of the event loop to read the bytes. `setImmediate` gives it one.
  setTimeout(() => setImmediate(resetNow, res, socket), RESET_AFTER_MS)
}

function resetNow(res: ServerResponse, socket: Socket): void {
  reset(socket)
  res.destroy()
}

/** Returns whether the client takes the end of its connection for the end of the response. */
function endsWithConnection(res: Written): boolean {
  if (!res.headersSent || res.writableFinished || res.destroyed) return false
  if (res.req.httpVersion !== '1.1') return true
  return !res.chunkedEncoding && !/^content-length:/im.test(res._header ?? '')
}

/** Resets the TCP connection. A Unix socket has no reset, so the caller's `destroy` closes it. */
function reset(socket: Layered): void {
  const { _parent: parent } = socket
  const lowest = parent instanceof Socket ? parent : socket
  if (lowest.destroyed || lowest.remoteAddress === undefined) return
  // Node's `destroySoon` would write what is left and send a FIN before the reset.
  // A slow client would hold the connection, and a fast client would see the FIN.
  lowest.destroySoon = () => void lowest.destroy()
  lowest.resetAndDestroy()
}
