import type { Duplex } from 'node:stream'
import { MAX_TIMER_MS } from '../../base/known-options.js'

/** How long, and for how many bytes, a connection is read after its last answer. */
export interface LingerLimits {
  readonly lingerMs: number
  readonly lingerBytes: number
}

/** A request's body of which something is still to come. */
export interface UnreadBody {
  /** Bytes of it that were read for nobody. */
  readonly dropped: number
  /** Bytes that may still come before it is too large. */
  readonly left: number
}

/** `destroySoon` is what node:http calls behind the last response of a connection. `parser.incoming` is its newest request. */
type ServedSocket = Duplex & {
  destroySoon?: () => void
  readonly parser?: { readonly incoming?: { readonly complete: boolean } | null } | null
}

/** Node's own listeners of a served connection, by their names: what they do with the bytes of a closing one is wrong. */
const OF_NODE = new Set(['bound socketOnEnd', 'socketOnError'])

/**
 * Closes connections in stages (RFC 9112, 9.6). If a connection were closed while its client still sends, the system would
 * answer by a reset. The reset removes what the client has not read yet, so the client would lose the answer.
 */
export class LingeringClose {
  readonly #limits: LingerLimits
  readonly #sockets = new Set<Duplex>()
  /** Called when the last connection has closed. */
  onIdle: () => void = () => {}

  constructor(limits: LingerLimits) {
    this.#limits = limits
  }

  /** `limits.lingerMs`, as a timer takes it. */
  get ms(): number {
    return Math.min(this.#limits.lingerMs, MAX_TIMER_MS)
  }

  /** `limits.lingerBytes`. */
  get bytes(): number {
    return this.#limits.lingerBytes
  }

  /** Connections that are being closed. */
  get size(): number {
    return this.#sockets.size
  }

  has(socket: Duplex): boolean {
    return this.#sockets.has(socket)
  }

  /**
   * Prepares a connection that ends with the response under way: node:http closes it in stages then.
   *
   * @param body of its request, if something of it was read
   * @param holdsLimit whether no more of that body is read than it may have. Not behind our own 413, which is an answer to that
   */
  after(socket: ServedSocket, body?: UnreadBody, holdsLimit = false): void {
    socket.destroySoon = () => {
      const { dropped = 0, left = Number.POSITIVE_INFINITY } = body ?? {}
      this.begin(socket, dropped, holdsLimit ? left : Number.POSITIVE_INFINITY)
    }
  }

  /** Closes a connection whose last answer was written, in stages if its newest request has not come whole. */
  endSoon(socket: ServedSocket): void {
    if (socket.parser?.incoming?.complete === false) this.begin(socket)
    else if (socket.writableFinished) socket.destroy()
    else socket.end(() => socket.destroy())
  }

  /**
   * Closes a connection whose last answer was written: ends the write side, reads and drops what comes, and destroys it when
   * its client has ended too, or at a limit.
   *
   * @param dropped bytes that were dropped before
   * @param left bytes after which nothing more is read. The connection then stays open until its time is over: its client
   *   still has the answer to read
   */
  begin(socket: Duplex, dropped = 0, left = Number.POSITIVE_INFINITY): void {
    if (socket.destroyed || this.#sockets.has(socket)) return
    socket.on('error', ignore)
    if (socket.readableEnded) {
      socket.end(() => socket.destroy())
      return
    }
    this.#sockets.add(socket)
    // All in all, not between two pieces: a slow client would hold its connection for as long as it likes.
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

  /** Destroys all of them, now. @returns whether there were any */
  destroyAll(): boolean {
    const hadAny = this.#sockets.size > 0
    for (const socket of [...this.#sockets]) socket.destroy()
    return hadAny
  }
}

/** Reads for nobody. Without Node's own listeners: what follows is no request any more, whatever it looks like. */
function drop(socket: Duplex, most: number, left: number): void {
  let bytes = 0
  const others = socket.listeners('data') as ((chunk: Buffer) => void)[]
  // In this order: a socket without a listener would be read by Node's parser, past all listeners.
  socket.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes >= most) socket.destroy()
    else if (bytes >= left) socket.pause()
  })
  for (const listener of others) socket.off('data', listener)
  for (const event of ['end', 'error']) {
    for (const listener of socket.listeners(event) as (() => void)[])
      if (OF_NODE.has(listener.name)) socket.off(event, listener)
  }
}

/**
 * Reads on, also where an upload was not read for a while. Node's server stops the reading past the stream then, and what
 * would begin it again has left with the parser: the stream waits for a read that is never made. Ended by an empty piece,
 * that read is made anew.
 */
function readAgain(socket: Duplex): void {
  socket.push('')
  socket.resume()
}

function ignore(): void {}
