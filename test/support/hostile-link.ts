import { EventEmitter, once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { freePorts } from './etcd-ports.js'

/** What becomes of a new connection: forwarded, or accepted and never answered. */
export type Fate = 'pass' | 'swallow'

/** What becomes of a piece: forwarded; held back until `mend`, with all that follows it; forwarded as the last one. */
export type PieceFate = 'pass' | 'hold' | 'cut'

/** `up` is what the client sends, `down` is what it gets. */
export type Direction = 'up' | 'down'

const BOTH: readonly Direction[] = ['up', 'down']

/**
 * A network between a client and a loopback port, with every fault that a network has. What is done to it holds for
 * open connections and new ones alike, until `mend`.
 */
export class HostileLink implements AsyncDisposable {
  readonly port: number
  /** Asked for each new connection; the first is number 1. */
  fate: (connection: number) => Fate = () => 'pass'
  /** Asked for each piece, in its turn. */
  pieceFate: (piece: Buffer, direction: Direction) => PieceFate = () => 'pass'
  /** Every piece waits this long on its way, in milliseconds. */
  delayMs = 0
  /** A connection is reset at the piece with which it has brought the client this many bytes. */
  cutAfterBytes = Number.POSITIVE_INFINITY
  /** Connections accepted so far. */
  accepted = 0
  readonly #target: () => number
  readonly #connections = new Set<Connection>()
  #server: Server | undefined
  readonly #dropping = new Set<Direction>()
  readonly #stalled = new Set<Direction>()
  /** Emits `flow` at each `mend`. */
  readonly #mending = new EventEmitter().setMaxListeners(0)

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
    return this.#connections.size
  }

  /** Refuses new connections and resets those that are open. */
  async cut(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    const closed = server && new Promise((resolve) => server.close(resolve))
    this.reset()
    await closed
  }

  /** Resets the open connections; new ones are accepted. */
  reset(): void {
    for (const { client } of this.#connections) client.resetAndDestroy()
  }

  /** Loses every byte from now on, and tells neither side: a cable that was pulled. */
  drop(directions: readonly Direction[] = BOTH): void {
    for (const direction of directions) this.#dropping.add(direction)
  }

  /** Holds every byte back until `mend`; none is lost. */
  stall(directions: readonly Direction[] = BOTH): void {
    for (const direction of directions) this.#stalled.add(direction)
  }

  /** Ends the far side of open connections without telling the client, as a host does that went away. */
  halfOpen(): void {
    for (const connection of this.#connections) connection.abandon()
  }

  /** Forwards again, on the same port. Connections that have lost bytes are reset. */
  async mend(): Promise<void> {
    this.#dropping.clear()
    this.#stalled.clear()
    this.#mending.emit('flow')
    this.delayMs = 0
    this.cutAfterBytes = Number.POSITIVE_INFINITY
    for (const connection of this.#connections) if (connection.damaged) connection.client.resetAndDestroy()
    if (this.#server) return
    const server = createServer((socket) => this.#accept(socket))
    this.#server = server
    server.listen(this.port, '127.0.0.1')
    await once(server, 'listening')
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.cut()
  }

  #accept(client: Socket): void {
    this.accepted += 1
    const swallowed = this.fate(this.accepted) === 'swallow'
    const target = swallowed ? undefined : connect(this.#target(), '127.0.0.1')
    const connection = new Connection(client, target)
    this.#connections.add(connection)
    client.on('close', () => this.#connections.delete(connection))
    if (!target) {
      client.resume()
      return
    }
    void this.#carry(connection, client, target, 'up')
    void this.#carry(connection, target, client, 'down')
  }

  /** One direction of a connection, piece by piece. */
  async #carry(connection: Connection, from: Socket, to: Socket, direction: Direction): Promise<void> {
    let carried = 0
    try {
      for await (const piece of from as AsyncIterable<Buffer>) {
        const fate = await this.#fateOf(piece, connection, direction)
        if (fate === 'lost') continue
        carried += piece.length
        if (!to.write(piece) && !to.destroyed) await Promise.race([once(to, 'drain'), once(to, 'close')])
        // Not at once: with a reset, a client throws away what it has not read.
        if (fate === 'cut') await delay(2)
        const isLast = fate === 'cut' || (direction === 'down' && carried >= this.cutAfterBytes)
        if (isLast) connection.client.resetAndDestroy()
      }
    } catch {
      // The other side is told below.
    }
    if (!connection.abandoned && !this.#dropping.has(direction)) to.destroy()
  }

  /** What is to become of a piece, once it was held back for as long as it must be. */
  async #fateOf(piece: Buffer, connection: Connection, direction: Direction): Promise<PieceFate | 'lost'> {
    if (this.delayMs > 0) await delay(this.delayMs)
    while (this.#stalled.has(direction)) await once(this.#mending, 'flow')
    const fate = this.pieceFate(piece, direction)
    if (fate === 'hold') await once(this.#mending, 'flow')
    if (connection.abandoned) return 'lost'
    if (!this.#dropping.has(direction)) return fate
    connection.damaged = true
    return 'lost'
  }
}

/** The two sockets of a forwarded connection. */
class Connection {
  readonly client: Socket
  readonly #target: Socket | undefined
  /** Bytes of it were lost: what came after them would be nonsense. */
  damaged = false
  abandoned = false

  constructor(client: Socket, target: Socket | undefined) {
    this.client = client
    this.#target = target
    client.on('error', () => {})
    target?.on('error', () => {})
    client.on('close', () => target?.destroy())
  }

  abandon(): void {
    this.abandoned = true
    this.damaged = true
    this.#target?.destroy()
  }
}
