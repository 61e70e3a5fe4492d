import type { Duplex } from 'node:stream'
import { MAX_TIMER_MS } from '../../base/known-options.js'

/** Limits on reading a connection after its last response. */
export interface LingerLimits {
  /** Milliseconds for which a connection is still read after its last response. */
  readonly lingerMs: number
  /** Maximum number of bytes that are read and dropped after the last response. */
  readonly lingerBytes: number
}

/** A request's body that has not arrived completely. */
export interface UnreadBody {
  /** Bytes that were read and dropped, because no server wanted them. */
  readonly dropped: number
  /** Bytes that may still come before the body exceeds its limit. */
  readonly left: number
}

/**
 * A socket that node:http serves. Node calls `destroySoon` after the last
 * response of a connection. `parser.incoming` is the newest request.
 */
type ServedSocket = Duplex & {
  destroySoon?: () => void
  readonly parser?: { readonly incoming?: { readonly complete: boolean } | null } | null
}

/**
 * Names of Node's own listeners on a served connection. They must not run
 * while a connection closes, because its bytes are no longer a request.
 */
const NODE_LISTENERS = new Set(['bound socketOnEnd', 'socketOnError'])

/**
 * Closes connections in stages (RFC 9112, 9.6). If a connection closed while its client still sends, the system would
 * answer with a reset. The reset discards what the client has not read yet, so the client would lose the response.
 */
export class LingeringClose {
  readonly #limits: LingerLimits
  readonly #sockets = new Set<Duplex>()
  /** Called when the last connection that closes in stages has closed. */
  onIdle: () => void = () => {}

  constructor(limits: LingerLimits) {
    this.#limits = limits
  }

  /** Milliseconds for which a connection is still read: `limits.lingerMs`, at most what a timer of Node takes. */
  get ms(): number {
    return Math.min(this.#limits.lingerMs, MAX_TIMER_MS)
  }

  /** Maximum number of bytes that are read and dropped: `limits.lingerBytes`. */
  get bytes(): number {
    return this.#limits.lingerBytes
  }

  /** Number of connections that are closing in stages. */
  get size(): number {
    return this.#sockets.size
  }

  /** Returns whether a connection is closing in stages. */
  has(socket: Duplex): boolean {
    return this.#sockets.has(socket)
  }

  /**
   * Prepares a connection that ends with the response under way, so that node:http closes it in stages.
   *
   * @param body the request's body, if a server has read a part of it
   * @param holdsLimit whether reading stops at the body's limit. False
   *   after the proxy's own 413, which answers a body beyond its limit
   */
  after(socket: ServedSocket, body?: UnreadBody, holdsLimit = false): void {
    socket.destroySoon = () => {
      const { dropped = 0, left = Number.POSITIVE_INFINITY } = body ?? {}
      this.begin(socket, dropped, holdsLimit ? left : Number.POSITIVE_INFINITY)
    }
  }

  /**
   * Closes a connection after its last response was written. If its newest
   * request has not arrived completely, the connection closes in stages.
   */
  endSoon(socket: ServedSocket): void {
    if (socket.parser?.incoming?.complete === false) this.begin(socket)
    else if (socket.writableFinished) socket.destroy()
    else socket.end(() => socket.destroy())
  }

  /**
   * Closes a connection in stages after its last response was written. It ends the write side, then
   * reads and drops what comes. It destroys the socket when the client has ended too, or at a limit.
   *
   * @param dropped bytes that were dropped before this call
   * @param left bytes after which reading stops. The connection then stays
   *   open until its time is over, so that the client can read the response
   */
  begin(socket: Duplex, dropped = 0, left = Number.POSITIVE_INFINITY): void {
    if (socket.destroyed || this.#sockets.has(socket)) return
    socket.on('error', ignore)
    if (socket.readableEnded) {
      socket.end(() => socket.destroy())
      return
    }
    this.#sockets.add(socket)
    // The time covers the whole close, not the gap between two chunks.
    // Otherwise a slow client could hold its connection without end.
    const timer = setTimeout(() => socket.destroy(), this.ms).unref()
    socket.once('close', () => {
      clearTimeout(timer)
      this.#sockets.delete(socket)
      if (this.#sockets.size === 0) this.onIdle()
    })
    drop(socket, this.bytes - dropped, left)
    socket.once('end', () => socket.destroy())
    socket.end()
    readAgain(socket)
  }

  /**
   * Destroys all connections that are closing in stages.
   *
   * @returns whether there were any
   */
  destroyAll(): boolean {
    const hadAny = this.#sockets.size > 0
    for (const socket of [...this.#sockets]) socket.destroy()
    return hadAny
  }
}

/**
 * Reads and drops what comes on a closing socket. It removes Node's own
 * listeners, because these bytes are no request, whatever they look like.
 */
function drop(socket: Duplex, most: number, left: number): void {
  let bytes = 0
  const others = socket.listeners('data') as ((chunk: Buffer) => void)[]
  // The new listener comes first. Node's parser would read a socket without `data` listeners directly, past all listeners.
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
 * Resumes a socket, even if an upload on it was paused. Node's server pauses the handle below the
 * stream. The code that would resume the handle has left with the parser, so the stream waits for
 * a read that never starts. An empty chunk ends that read, and the stream starts a new one.
 */
function readAgain(socket: Duplex): void {
  socket.push('')
  socket.resume()
}

function ignore(): void {}
