import type { ServerResponse } from 'node:http'

const MAX_CLIENTS = 100
/** What a client may leave unread, in bytes. */
const MAX_UNREAD = 1024 * 1024
const HEARTBEAT_MS = 10_000

/** Server-sent events (HTML Living Standard, 9.2): what happens, to whoever listens. */
export class EventStream {
  readonly #clients = new Set<ServerResponse>()
  #heartbeat: NodeJS.Timeout | undefined
  #isClosed = false

  /** Takes a client on. @returns false if there are too many, or it has ended */
  add(res: ServerResponse): boolean {
    if (this.#isClosed || this.#clients.size >= MAX_CLIENTS) return false
    // It left before it came to us; nothing would tell so later.
    if (res.destroyed || res.socket?.destroyed) return true
    res.writeHead(200, { 'Content-Type': 'text/event-stream; charset=utf-8', 'X-Accel-Buffering': 'no' })
    // The first bytes: a client knows that it is connected.
    res.write(': connected\n\n')
    this.#clients.add(res)
    res.on('close', () => this.#remove(res))
    this.#heartbeat ??= setInterval(() => this.#writeToAll(':\n\n'), HEARTBEAT_MS).unref()
    return true
  }

  send(event: string, data: unknown): void {
    if (this.#clients.size > 0) this.#writeToAll(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
  }

  /** Ends them all. */
  close(): void {
    this.#isClosed = true
    for (const res of this.#clients) res.end()
  }

  #writeToAll(text: string): void {
    for (const res of this.#clients) {
      res.write(text)
      // One that does not read must not make us keep everything for it.
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
