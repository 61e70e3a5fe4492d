import type { ServerResponse } from 'node:http'
import { Socket } from 'node:net'

/**
 * How long a client has to read what left before the reset. A client that finds bytes and a reset at once may see an end:
 * libuv, and so every Node, does that. Some systems throw away what was not read before a reset.
 */
const RESET_AFTER_MS = 50

/** What Node keeps: the head of a response as it was written, and the connection beneath a TLS socket. */
type Written = ServerResponse & { readonly _header?: string | null }
type Layered = Socket & { readonly _parent?: unknown }

const broken = new WeakSet<ServerResponse>()

/**
 * Ends a client's connection before its response is whole.
 *
 * A response that only the end of its connection ends would look whole behind a FIN (RFC 9112, 6.3 and 8). Such a connection
 * ends by a reset, also beneath TLS, whose `close_notify` is not sent.
 */
export function breakOff(res: ServerResponse): void {
  const { socket } = res
  if (!socket || !endsWithConnection(res)) {
    res.destroy()
    return
  }
  if (broken.has(res)) return
  broken.add(res)
  // In the turn behind the timer, a client in this process has had its turn too.
  setTimeout(() => setImmediate(resetNow, res, socket), RESET_AFTER_MS)
}

function resetNow(res: ServerResponse, socket: Socket): void {
  reset(socket)
  res.destroy()
}

/** Whether the client takes the end of its connection for the end of the response. */
function endsWithConnection(res: Written): boolean {
  if (!res.headersSent || res.writableFinished || res.destroyed) return false
  if (res.req.httpVersion !== '1.1') return true
  return !res.chunkedEncoding && !/^content-length:/im.test(res._header ?? '')
}

/** Where there is no TCP connection, as on a Unix socket, there is no reset: the caller's `destroy` closes it. */
function reset(socket: Layered): void {
  const { _parent: parent } = socket
  const lowest = parent instanceof Socket ? parent : socket
  if (lowest.destroyed || lowest.remoteAddress === undefined) return
  // Node would write what is left and send a FIN first. A slow client would hold the connection, a fast one see the FIN.
  lowest.destroySoon = () => void lowest.destroy()
  lowest.resetAndDestroy()
}
