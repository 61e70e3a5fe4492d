import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { onTestFinished } from 'vitest'

/** A server that counts the connections it has, from `accept` to `close`. */
export class CountingServer {
  open = 0
  /** Of `open`. */
  most = 0
  /** Accepted so far. */
  accepted = 0
  readonly server: Server
  readonly #scheme: string
  readonly #sockets = new Set<Socket>()

  private constructor(listener: RequestListener, tls?: { readonly key: string; readonly cert: string }) {
    this.#scheme = tls ? 'https' : 'http'
    const options = { keepAliveTimeout: 60_000 }
    this.server = tls ? createTlsServer({ ...options, ...tls }, listener) : createServer(options, listener)
    this.server.on('connection', (socket: Socket) => {
      this.open += 1
      this.accepted += 1
      this.most = Math.max(this.most, this.open)
      this.#sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        this.open -= 1
        this.#sockets.delete(socket)
      })
    })
  }

  static async start(
    listener: RequestListener,
    tls?: { readonly key: string; readonly cert: string },
  ): Promise<CountingServer> {
    const server = new CountingServer(listener, tls)
    await new Promise<void>((resolve) => server.server.listen(0, '127.0.0.1', resolve))
    onTestFinished(async () => {
      for (const socket of server.#sockets) socket.destroy()
      await new Promise((resolve) => server.server.close(resolve))
    })
    return server
  }

  get url(): string {
    return `${this.#scheme}://127.0.0.1:${(this.server.address() as AddressInfo).port}`
  }
}
