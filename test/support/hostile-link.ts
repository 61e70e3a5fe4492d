import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { freePorts } from './etcd-ports.js'

/** What becomes of a new connection: forwarded, or accepted and never answered. */
export type Fate = 'pass' | 'swallow'

/** A network between a client and a loopback port, that can be cut and mended. */
export class HostileLink {
  readonly port: number
  /** Asked for each new connection; the first is number 1. */
  fate: (connection: number) => Fate = () => 'pass'
  /** Connections accepted so far. */
  accepted = 0
  readonly #target: () => number
  readonly #sockets = new Set<Socket>()
  #server: Server | undefined

  private constructor(port: number, target: () => number) {
    this.port = port
    this.#target = target
  }

  /** @param target the port to forward to, asked for each connection */
  static async to(target: () => number): Promise<HostileLink> {
    const [port] = await freePorts(1)
    const link = new HostileLink(port!, target)
    await link.mend()
    return link
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  /** Connections that are open. */
  get open(): number {
    return this.#sockets.size
  }

  /** Refuses new connections and resets those that are open. */
  async cut(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    const closed = server && new Promise((resolve) => server.close(resolve))
    for (const socket of this.#sockets) socket.resetAndDestroy()
    await closed
  }

  /** Forwards again, on the same port. */
  async mend(): Promise<void> {
    if (this.#server) return
    const server = createServer((socket) => this.#accept(socket))
    this.#server = server
    server.listen(this.port, '127.0.0.1')
    await once(server, 'listening')
  }

  #accept(client: Socket): void {
    this.accepted += 1
    this.#keep(client)
    if (this.fate(this.accepted) === 'swallow') {
      client.resume()
      return
    }
    const target = connect(this.#target(), '127.0.0.1')
    target.on('error', () => client.destroy())
    client.on('close', () => target.destroy())
    target.on('close', () => client.destroy())
    client.pipe(target).pipe(client)
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => this.#sockets.delete(socket))
  }
}
