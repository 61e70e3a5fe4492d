import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'

/**
 * A server that speaks bytes: for answers that no well-behaved server would give. Whenever the head of a request has
 * come, `onHead` is called with the socket to answer on.
 */
export class MisbehavingServer {
  /** Everything that came, per connection, a character per byte. */
  readonly received: string[] = []
  readonly sockets = new Set<Socket>()
  readonly #server: Server

  private constructor(onHead: (socket: Socket, head: string) => void) {
    this.#server = createServer({ allowHalfOpen: true }, (socket) => {
      const index = this.received.push('') - 1
      this.sockets.add(socket)
      let unread = ''
      socket.on('data', (chunk) => {
        this.received[index] += chunk.toString('latin1')
        unread += chunk.toString('latin1')
        const end = unread.indexOf('\r\n\r\n')
        if (end < 0) return
        const head = unread.slice(0, end)
        unread = unread.slice(end + 4)
        onHead(socket, head)
      })
      socket.on('error', () => {})
      socket.on('end', () => socket.end())
      socket.on('close', () => this.sockets.delete(socket))
    })
  }

  static async start(onHead: (socket: Socket, head: string) => void): Promise<MisbehavingServer> {
    const server = new MisbehavingServer(onHead)
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve))
    return server
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  get connections(): number {
    return this.received.length
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

/** The URL of a server that refuses every connection. */
export async function refusingUrl(): Promise<string> {
  // An address of its own, so that nobody else is given the port in the meantime.
  const host = '127.77.0.1'
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return `http://${host}:${port}`
}
