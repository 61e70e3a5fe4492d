import type { Socket } from 'node:net'

/** Bytes that are read and kept while a connection's requests wait. Beyond them the socket is paused. */
const MAX_KEPT_BYTES = 64 * 1024

/** What the parser gets of them at a time: it makes requests of all that it gets, and one takes sixty times its bytes. */
const PIECE_BYTES = 4 * 1024

/** What node:http adds to a socket that it serves. */
type ServedSocket = Socket & { parser?: unknown; _paused?: boolean }

type DataListener = (chunk: Buffer) => void

/**
 * Keeps what comes on a connection from Node's parser, which would make a request of every 27 bytes. Up to 64 KiB are
 * still read, and kept as bytes: while the socket lay unread, nobody would see that the client has left.
 */
export class HeldReading {
  readonly #socket: ServedSocket
  /** The parser's listener, and those of a host that looks on. */
  readonly #listeners: readonly DataListener[]
  readonly #kept: Buffer[] = []
  #bytes = 0

  /** Holds a socket. @returns undefined where Node has paused it: then it is not read, and a listener would undo that */
  static of(socket: Socket): HeldReading | undefined {
    return socket.isPaused() ? undefined : new HeldReading(socket)
  }

  private constructor(socket: ServedSocket) {
    this.#socket = socket
    this.#listeners = socket.listeners('data') as DataListener[]
    // In this order: a socket without a listener would be read for nobody.
    socket.on('data', this.#keep)
    for (const listener of this.#listeners) socket.off('data', listener)
  }

  /** Gives the parser what was kept, and all that follows. */
  release(): void {
    const socket = this.#socket
    socket.off('data', this.#keep)
    // An upgrade came behind the requests that waited: the socket has another reader.
    if (socket.parser) for (const listener of this.#listeners) socket.on('data', listener)
    if (socket.destroyed || socket.readableEnded) return
    if (this.#bytes > 0) this.#giveBack(Buffer.concat(this.#kept))
    // Node's own pause, while too much of the responses is unread, ends by itself.
    if (socket.parser && !socket._paused) socket.resume()
  }

  /** In pieces: where one of them makes requests wait again, the others are kept as bytes again. */
  #giveBack(bytes: Buffer): void {
    const socket = this.#socket
    let given = 0
    while (given < bytes.length && socket.parser && !socket._paused && !socket.destroyed) {
      socket.emit('data', bytes.subarray(given, given + PIECE_BYTES))
      given += PIECE_BYTES
    }
    if (given < bytes.length && !socket.destroyed) socket.unshift(bytes.subarray(given))
  }

  readonly #keep: DataListener = (chunk) => {
    if (!this.#socket.parser) {
      this.#socket.off('data', this.#keep)
      return
    }
    this.#kept.push(chunk)
    this.#bytes += chunk.length
    if (this.#bytes >= MAX_KEPT_BYTES) this.#socket.pause()
  }
}
