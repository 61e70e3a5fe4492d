import type { ServerResponse } from 'node:http'
import { networkOf } from './places.js'

const CLIENTS = { total: 100, perAddress: 20 }
/** Bytes of events that may wait for a client to read them. If more wait, the client is disconnected. */
const MAX_UNREAD = 1024 * 1024
const HEARTBEAT_MS = 10_000
/** A client is disconnected if it has unread data at this number of consecutive heartbeats. */
const MAX_STALLED = 3

interface Client {
  readonly address: string
  /** The number of consecutive heartbeats at which this client had unread data. */
  stalled: number
}

/** Sends events to connected clients as server-sent events (HTML Living Standard, section 9.2). */
export class EventStream {
  /** The connected clients, oldest first. */
  readonly #clients = new Map<ServerResponse, Client>()
  #heartbeat: NodeJS.Timeout | undefined
  #isClosed = false

  /**
   * Adds a client: its response stays open, and events are written to it.
   *
   * @returns false if there are too many clients, or if the stream is closed
   */
  add(res: ServerResponse): boolean {
    if (this.#isClosed) return false
    // If the client has already disconnected, do not add it. Its `close` event has passed, so nothing would ever remove it.
    if (res.destroyed || res.socket?.destroyed) return true
    const address = networkOf(res.req.socket.remoteAddress)
    if (!this.#hasRoomFor(address)) return false
    res.writeHead(200, { 'Content-Type': 'text/event-stream; charset=utf-8', 'X-Accel-Buffering': 'no' })
    // Send some bytes at once, so that the client knows that it is connected.
    res.write(': connected\n\n')
    this.#clients.set(res, { address, stalled: 0 })
    res.on('close', () => this.#remove(res))
    this.#heartbeat ??= setInterval(this.#beat, HEARTBEAT_MS).unref()
    return true
  }

  send(event: string, data: unknown): void {
    if (this.#clients.size > 0) this.#writeToAll(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
  }

  /** Ends the event stream of each connected client. */
  close(): void {
    this.#isClosed = true
    for (const res of this.#clients.keys()) res.end()
  }

  /**
   * Tells whether a client from this address may connect. If the maximum number of clients is connected, the oldest client of the
   * address with the most clients is disconnected. That happens only if the new address has at least two clients fewer.
   */
  #hasRoomFor(address: string): boolean {
    const counts = new Map<string, number>()
    for (const client of this.#clients.values())
      counts.set(client.address, (counts.get(client.address) ?? 0) + 1)
    const own = counts.get(address) ?? 0
    if (own >= CLIENTS.perAddress) return false
    if (this.#clients.size < CLIENTS.total) return true
    const [greediest, most] = [...counts].reduce((first, second) => (second[1] > first[1] ? second : first))
    if (most <= own + 1) return false
    const [oldest] = [...this.#clients].find(([, client]) => client.address === greediest) ?? []
    oldest?.destroy()
    if (oldest) this.#remove(oldest)
    return true
  }

  readonly #beat = (): void => {
    for (const [res, client] of this.#clients) {
      client.stalled = res.writableLength > 0 ? client.stalled + 1 : 0
      if (client.stalled >= MAX_STALLED) res.destroy()
    }
    this.#writeToAll(':\n\n')
  }

  #writeToAll(text: string): void {
    for (const res of this.#clients.keys()) {
      res.write(text)
      // Disconnect a client that does not read. Otherwise the proxy would keep all events for that client in memory.
      if (res.writableLength > MAX_UNREAD) res.destroy()
    }
  }

  #remove(res: ServerResponse): void {
    this.#clients.delete(res)
    if (this.#clients.size > 0) return
    clearInterval(this.#heartbeat)
    this.#heartbeat = undefined
  }
}
