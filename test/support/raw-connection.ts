import { connect, type NetConnectOpts, type Socket } from 'node:net'
import { eventually } from './next-event.js'

/** A client that speaks bytes: for requests that no well-behaved client would send, and answers seen as they came. */
export class RawConnection {
  readonly socket: Socket
  /** Everything that came so far, a character per byte. */
  received = ''
  /** The other side has ended properly. */
  ended = false
  /** The connection is gone, in whatever way. */
  closed = false

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (chunk) => {
      this.received += chunk.toString('latin1')
    })
    socket.on('end', () => {
      this.ended = true
    })
    socket.on('close', () => {
      this.closed = true
    })
    socket.on('error', () => {})
  }

  static async open(port: number, options: Partial<NetConnectOpts> = {}): Promise<RawConnection> {
    const socket = connect({ host: '127.0.0.1', port, ...options } as NetConnectOpts)
    const connection = new RawConnection(socket)
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve)
      socket.once('error', reject)
    })
    return connection
  }

  /** @param bytes characters are sent as bytes, one each */
  send(bytes: string | Buffer): this {
    this.socket.write(bytes, 'latin1')
    return this
  }

  /** Lines of a head, and the empty one after them. */
  sendHead(...lines: string[]): this {
    return this.send(`${lines.join('\r\n')}\r\n\r\n`)
  }

  /** Resolves with all that came, once `pattern` is in it. */
  async until(pattern: string | RegExp, limitMs = 30_000): Promise<string> {
    const found = () =>
      typeof pattern === 'string' ? this.received.includes(pattern) : pattern.test(this.received)
    return this.#eventually(found, String(pattern), limitMs)
  }

  /** Resolves with all that came, once the connection is gone. */
  async untilClosed(limitMs = 30_000): Promise<string> {
    return this.#eventually(() => this.closed, 'the connection closes', limitMs)
  }

  async #eventually(holds: () => boolean, what: string, limitMs: number): Promise<string> {
    try {
      await eventually(holds, what, limitMs)
    } catch (error) {
      throw new Error(`${(error as Error).message}; received ${JSON.stringify(this.received.slice(-500))}`)
    }
    return this.received
  }

  /** Goes away without a word. */
  reset(): void {
    this.socket.resetAndDestroy()
  }
}
