import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { hasBehind } from '../engine/client/http1/pipelines.js'
import { QUIET_MS } from '../engine/closing.js'

/** A client's socket with the members that `node:http` adds to it. */
type ServedSocket = Socket & {
  readonly _httpMessage?: ServerResponse | null
  /** Node's HTTP parser. A tunnel has none. */
  readonly parser?: unknown
}

/**
 * Closes the client connections of a listener that no longer accepts, while the proxy goes on. Each connection closes after its
 * response, which says so. A connection without a request closes when no byte has come for `QUIET_MS`: its client may have sent a
 * request just before. A tunnel stays until one of its sides ends it.
 */
export class LeavingConnections {
  readonly #timers = new Map<ServedSocket, NodeJS.Timeout>()
  readonly #told = new WeakSet<ServerResponse>()

  /** Begins to close a connection. Called for each open one, and again whenever a request comes on it. */
  readonly leave = (socket: ServedSocket): void => {
    this.#forget(socket)
    if (socket.destroyed || !socket.parser) return
    const { _httpMessage: response } = socket
    if (!response) return this.#waitForQuiet(socket)
    if (this.#told.has(response)) return
    this.#told.add(response)
    endConnectionAfter(response, socket)
    // The connection stays open if another request came behind this one, or if the head of this response had been sent before.
    // Node has given the socket to the next response by then.
    response.once('close', () => this.leave(socket))
  }

  #waitForQuiet(socket: ServedSocket): void {
    const { bytesRead } = socket
    const look = () => {
      if (socket.destroyed || socket._httpMessage || socket.bytesRead !== bytesRead) this.leave(socket)
      else socket.destroySoon()
    }
    // After the timeout, `setImmediate` lets Node first read the bytes that have arrived, which may contain a request.
    const timer = setTimeout(() => setImmediate(look), QUIET_MS)
    this.#timers.set(socket, timer)
    socket.once('close', () => this.#forget(socket))
  }

  #forget(socket: ServedSocket): void {
    clearTimeout(this.#timers.get(socket))
    this.#timers.delete(socket)
  }
}

/**
 * Makes Node close the connection after a response, and say so in the response's head. If other requests of the client wait behind
 * this one when the head is written, the connection stays open, because those requests would be lost.
 */
function endConnectionAfter(response: ServerResponse, socket: Socket): void {
  let wanted = response.shouldKeepAlive
  Object.defineProperty(response, 'shouldKeepAlive', {
    configurable: true,
    enumerable: true,
    get: () => wanted && hasBehind(socket, response),
    set: (value: boolean) => {
      wanted = value
    },
  })
}
