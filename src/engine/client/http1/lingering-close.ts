import type { Duplex } from 'node:stream'
import { MAX_TIMER_MS } from '../../../base/known-options.js'
import type { ClosingConnections, UnreadBody } from '../client-side.js'

/** Limits on how long, and how much, the proxy reads from a connection after its last response. */
export interface LingerLimits {
  /** Milliseconds for which the proxy goes on reading a connection after its last response. */
  readonly lingerMs: number
  /** Maximum number of bytes that are read and dropped after the last response. */
  readonly lingerBytes: number
}

/**
 * A client's socket on a node:http server. Node calls `destroySoon` after the
 * last response of a connection. `parser.incoming` is the newest request.
 */
type ServedSocket = Duplex & {
  destroySoon?: () => void
  readonly parser?: { readonly incoming?: { readonly complete: boolean } | null } | null
}

/**
 * Names of the listener functions that Node's HTTP server adds to a client's socket. They must not
 * run while the connection closes in stages, because the bytes that still come are not a request.
 */
const NODE_LISTENERS = new Set(['bound socketOnEnd', 'socketOnError'])

/**
 * Closes client connections in stages (RFC 9112, 9.6). If the proxy closed a connection while
 * the client still sends, the operating system would answer with a TCP reset. The reset
 * discards the bytes that the client has not read yet, so the client would lose the response.
 */
export class LingeringClose implements ClosingConnections {
  readonly #limits: LingerLimits
  readonly #sockets = new Set<Duplex>()
  /** Called when the last connection has completed its lingering close (a close in stages). */
  onIdle: () => void = () => {}

  constructor(limits: LingerLimits) {
    this.#limits = limits
  }

  /**
   * Milliseconds for which a connection is still read after its last response:
   * `limits.lingerMs`, or the longest time of a Node timer if that is shorter.
   */
  get ms(): number {
    return Math.min(this.#limits.lingerMs, MAX_TIMER_MS)
  }

  /** Number of connections in a lingering close: the proxy has stopped writing to them, and still reads them for a while. */
  get size(): number {
    return this.#sockets.size
  }

  /**
   * Returns whether a connection is in a lingering close: the proxy has stopped writing to it, and still reads it for a while.
   */
  has(socket: Duplex): boolean {
    return this.#sockets.has(socket)
  }

  /**
   * Makes node:http close a connection in stages after the response that is being written. That response is the last one.
   *
   * @param body the request's body, if it is streamed to a server
   * @param holdsLimit whether reading stops when the body reaches its size limit. False after
   *   the proxy's own responses, such as a 413 (Content Too Large) to a body beyond that limit
   */
  after(socket: ServedSocket, body?: UnreadBody, holdsLimit = false): void {
    socket.destroySoon = () => {
      const { dropped = 0, left = Number.POSITIVE_INFINITY } = body ?? {}
      this.begin(socket, dropped, holdsLimit ? left : Number.POSITIVE_INFINITY)
    }
  }

  /**
   * Closes a connection after its last response was written. If the newest request
   * on the connection has not arrived completely, the connection closes in stages.
   */
  endSoon(socket: ServedSocket): void {
    if (socket.parser?.incoming?.complete === false) this.begin(socket)
    else if (socket.writableFinished) socket.destroy()
    else socket.end(() => socket.destroy())
  }

  /**
   * Closes a connection in stages after its last response was written. Ends the write side of the socket, then reads and
   * drops the bytes that still come. Destroys the socket when the client has ended its side too, or when a limit is reached.
   *
   * @param dropped number of bytes that were dropped before this call
   * @param left number of bytes after which reading stops. The connection then
   *   stays open until its time is over, so that the client can read the response
   */
  begin(socket: Duplex, dropped = 0, left = Number.POSITIVE_INFINITY): void {
    if (socket.destroyed || this.#sockets.has(socket)) return
    socket.on('error', ignore)
    if (socket.readableEnded) {
      socket.end(() => socket.destroy())
      return
    }
    this.#sockets.add(socket)
    // This timer limits the whole close, not the gap between two chunks.
    // Otherwise a slow client could keep its connection open without end.
    const timer = setTimeout(() => socket.destroy(), this.ms).unref()
    socket.once('close', () => {
      clearTimeout(timer)
      this.#sockets.delete(socket)
      if (this.#sockets.size === 0) this.onIdle()
    })
    drop(socket, this.#limits.lingerBytes - dropped, left)
    socket.once('end', () => socket.destroy())
    socket.end()
    readAgain(socket)
  }

  /**
   * Destroys all connections that are in a lingering close (a close in stages).
   *
   * @returns whether there was such a connection
   */
  destroyAll(): boolean {
    const hadAny = this.#sockets.size > 0
    for (const socket of [...this.#sockets]) socket.destroy()
    return hadAny
  }
}

/**
 * Reads and drops the bytes that come on a closing socket. Removes the listeners
 * of Node's HTTP server, so that Node does not take these bytes for a request.
 *
 * @param most number of bytes after which the socket is destroyed
 * @param left number of bytes after which reading stops
 */
function drop(socket: Duplex, most: number, left: number): void {
  let bytes = 0
  const others = socket.listeners('data') as ((chunk: Buffer) => void)[]
  // Adds the new listener before it removes the others. Node's parser would
  // read a socket without `data` listeners directly, past all listeners.
  socket.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes >= most) socket.destroy()
    else if (bytes >= left) socket.pause()
  })
  for (const listener of others) socket.off('data', listener)
  for (const event of ['end', 'error']) {
    for (const listener of socket.listeners(event) as (() => void)[])
      if (NODE_LISTENERS.has(listener.name)) socket.off(event, listener)
  }
}

/**
 * Resumes a socket, even if Node has paused an upload on it. For that pause, Node's HTTP server stops the system
 * handle below the socket's stream. The code that would start the handle again was removed with the parser, so the
 * stream waits for a read that never starts. An empty chunk ends the pending read, and the stream starts a new one.
 */
function readAgain(socket: Duplex): void {
  socket.push('')
  socket.resume()
}

function ignore(): void {}
