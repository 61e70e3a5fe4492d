import type { Socket } from 'node:net'

/**
 * Maximum number of bytes that the proxy reads and keeps while the
 * requests of a connection wait. At this number, it pauses the socket.
 */
const MAX_KEPT_BYTES = 64 * 1024

/**
 * Number of bytes that Node's HTTP parser gets at a time. The parser creates all requests
 * in these bytes at once, and the requests take sixty times as much memory as the bytes.
 */
const PIECE_BYTES = 4 * 1024

/** A client's socket on a node:http server, with the fields that Node adds to it. */
type ServedSocket = Socket & { parser?: unknown; _paused?: boolean }

type DataListener = (chunk: Buffer) => void

/**
 * Withholds the bytes of a connection from Node's HTTP parser while earlier requests wait. The
 * parser could make one request out of every 27 bytes. Up to 64 KiB are still read, and kept as
 * bytes. If the socket were not read, the proxy would not notice when the client disconnects.
 */
export class HeldReading {
  readonly #socket: ServedSocket
  /** The `data` listeners of Node's parser and of the application. They get no bytes until `release` is called. */
  readonly #listeners: readonly DataListener[]
  readonly #kept: Buffer[] = []
  #bytes = 0

  /**
   * Starts to withhold the bytes of a socket from Node's HTTP parser.
   *
   * @returns undefined if the socket is paused; no bytes come from it then
   */
  static of(socket: Socket): HeldReading | undefined {
    return socket.isPaused() ? undefined : new HeldReading(socket)
  }

  private constructor(socket: ServedSocket) {
    this.#socket = socket
    this.#listeners = socket.listeners('data') as DataListener[]
    // Adds the new listener before it removes the others. A socket
    // without any `data` listener would lose the bytes that it reads.
    socket.on('data', this.#keep)
    for (const listener of this.#listeners) socket.off('data', listener)
  }

  /** Stops withholding bytes. Node's parser gets the kept bytes, and then everything that the client sends. */
  release(): void {
    const socket = this.#socket
    socket.off('data', this.#keep)
    // Restores the other `data` listeners. If an upgrade request came after the waiting requests,
    // Node has removed its parser, and another reader has the socket. Then nothing is restored.
    if (socket.parser) for (const listener of this.#listeners) socket.on('data', listener)
    if (socket.destroyed || socket.readableEnded) return
    if (this.#bytes > 0) this.#giveBack(Buffer.concat(this.#kept))
    // Resumes the socket, unless Node itself has paused it (`_paused`) because
    // the client does not read its responses. Node ends that pause itself.
    if (socket.parser && !socket._paused) socket.resume()
  }

  /**
   * Gives the kept bytes to Node's parser in pieces. If requests of a piece must wait, a new `HeldReading` keeps the
   * following pieces. If Node pauses the socket or removes its parser, the rest goes back into the socket (`unshift`).
   */
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
