import type { Socket } from 'node:net'

/** Maximum number of bytes that are read and kept while a connection's requests wait. Beyond them, the socket is paused. */
const MAX_KEPT_BYTES = 64 * 1024

/**
 * Bytes that Node's parser gets at a time. The parser makes requests of all
 * of them at once, and a request takes sixty times its bytes in memory.
 */
const PIECE_BYTES = 4 * 1024

/** A socket that node:http serves, with the fields that Node adds to it. */
type ServedSocket = Socket & { parser?: unknown; _paused?: boolean }

type DataListener = (chunk: Buffer) => void

/**
 * Keeps the bytes of a connection from Node's parser, which would make a request of every 27 bytes. Up to 64 KiB are
 * still read, and kept as bytes. If the socket were not read, the proxy would not notice that the client has left.
 */
export class HeldReading {
  readonly #socket: ServedSocket
  /** The `data` listeners of Node's parser and of the host. They get no bytes until `release`. */
  readonly #listeners: readonly DataListener[]
  readonly #kept: Buffer[] = []
  #bytes = 0

  /**
   * Holds the bytes of a socket.
   *
   * @returns undefined if Node has paused the socket; it is not read then, and a new listener would resume it
   */
  static of(socket: Socket): HeldReading | undefined {
    return socket.isPaused() ? undefined : new HeldReading(socket)
  }

  private constructor(socket: ServedSocket) {
    this.#socket = socket
    this.#listeners = socket.listeners('data') as DataListener[]
    // The new listener comes first. A socket without any `data` listener would lose what it reads.
    socket.on('data', this.#keep)
    for (const listener of this.#listeners) socket.off('data', listener)
  }

  /** Gives the parser the kept bytes, and everything that follows. */
  release(): void {
    const socket = this.#socket
    socket.off('data', this.#keep)
    // The parser is gone if an upgrade came after the waiting requests. The socket has another reader then.
    if (socket.parser) for (const listener of this.#listeners) socket.on('data', listener)
    if (socket.destroyed || socket.readableEnded) return
    if (this.#bytes > 0) this.#giveBack(Buffer.concat(this.#kept))
    // `_paused` is Node's own back-pressure, while the client leaves responses unread. Node ends that pause itself.
    if (socket.parser && !socket._paused) socket.resume()
  }

  /** Gives bytes to the parser in pieces. If a piece makes requests wait again, the rest goes back to the socket as bytes. */
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
