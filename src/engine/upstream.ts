import { MAX_TIMER_MS } from '../rules/known-options.js'
import { type ConnectionOptions, connectorFor, wholeMs } from './connector.js'
import { DEFAULT_LIMITS } from './limits.js'
import type { RequestBytes, ResponseHandler, ServerConnection } from './sent-request.js'
import { Connection, type ConnectionOwner, type ConnectionSettings } from './server-connection.js'

/**
 * The live side of a server: its connections, each with one request at a time. One per origin, or per address of it, however many backends and
 * generations name it.
 */
export class Upstream implements ConnectionOwner {
  /** `http://host:port`. */
  readonly origin: string
  /** The one of the origin's name that is connected to. Undefined: whichever it has. */
  readonly address: string | undefined
  readonly #options: ConnectionOptions
  #settings: ConnectionSettings | undefined
  readonly #connections = new Set<Connection>()
  /** Those without a request. The one used last is used first: it is the likeliest to stand, and the others may close. */
  readonly #idle: Connection[] = []
  /** Connections that end with what is under way on them, each with its end. */
  readonly #closing = new Map<Connection, Promise<void>>()
  /** When the last configuration that named it was replaced, as `performance.now()` says; undefined while one names it. */
  leftAt: number | undefined

  constructor(origin: string, options: ConnectionOptions, address?: string) {
    this.origin = origin
    this.address = address
    this.#options = options
  }

  /** What makes two servers the same. */
  get key(): string {
    return Upstream.keyOf(this.origin, this.address)
  }

  /** `timeouts.tcpKeepAliveMs`. */
  get tcpKeepAliveMs(): number {
    return this.#options.timeouts.tcpKeepAliveMs
  }

  static keyOf(origin: string, address: string | undefined): string {
    return address === undefined ? origin : `${origin} ${address}`
  }

  /**
   * Sends a request. What becomes of it, the handler is told; this never throws.
   *
   * @param fresh on a connection made now: where one that stood was dead, all may be
   * @returns whether it is
   */
  dispatch(request: RequestBytes, handler: ResponseHandler, fresh = false): boolean {
    const standing = fresh ? undefined : this.#idle.pop()
    const connection = standing ?? this.#newConnection()
    connection.dispatch(request, handler)
    return standing === undefined
  }

  /** A connection that is made with its first request, and that nobody else is given. */
  openPrivate(): ServerConnection {
    return this.#newConnection()
  }

  #newConnection(): Connection {
    const connection = new Connection(this.#connectionSettings(), this)
    this.#connections.add(connection)
    return connection
  }

  free(connection: Connection): void {
    this.#idle.push(connection)
  }

  /** Forgets it in the same step, or a request would still be sent on it. */
  gone(connection: Connection): void {
    const place = this.#idle.indexOf(connection)
    if (place >= 0) this.#idle.splice(place, 1)
    this.#connections.delete(connection)
  }

  /** On first use: a configuration may name a hundred thousand servers that nobody asks for today. */
  #connectionSettings(): ConnectionSettings {
    if (this.#settings) return this.#settings
    const url = new URL(this.origin)
    const { keepAliveMs, upstreamKeepAliveMs } = this.#options.timeouts
    this.#settings = {
      url,
      connect: connectorFor(url.hostname, this.#options, this.address),
      privateIdleMs: wholeMs(keepAliveMs, MAX_TIMER_MS),
      client: {
        pipelining: 1,
        allowH2: false,
        maxHeaderSize: wholeBytes(this.#options.responseHeadBytes),
        // `Movement` looks at the clock.
        headersTimeout: 0,
        bodyTimeout: 0,
        keepAliveTimeout: wholeMs(upstreamKeepAliveMs, MAX_TIMER_MS),
      },
    }
    return this.#settings
  }

  /** Connections that stand, and how many of them have no request. */
  get connections(): { readonly open: number; readonly idle: number } {
    let open = 0
    for (const { isConnected } of this.#connections) if (isConnected) open += 1
    return { open, idle: this.#idle.length }
  }

  /** Whether it has connections, or had to make some and may have them still. */
  get isOpen(): boolean {
    return this.#connections.size > 0 || this.#closing.size > 0
  }

  /**
   * Closes idle connections now, and each busy one when its request has ended. Whoever still picks this server gets a new
   * one: a request may hold it for long, and until then nobody else has a use for those that are idle.
   */
  closeIdle(): void {
    for (const connection of this.#connections) {
      this.#closing.set(
        connection,
        connection.close().finally(() => this.#closing.delete(connection)),
      )
    }
    this.#connections.clear()
    this.#idle.length = 0
  }

  /** Cuts connections without a request, at once. @returns how many there were */
  dropIdle(): number {
    const idle = this.#idle.splice(0)
    for (const connection of idle) connection.end()
    return idle.length
  }

  /** Closes idle ones, and resolves when the last busy one has closed. */
  async close(): Promise<void> {
    this.closeIdle()
    await Promise.all(this.#closing.values())
  }

  /** Cuts every connection. */
  async destroy(): Promise<void> {
    this.#options.ended?.abort()
    await Promise.all(
      [...this.#connections, ...this.#closing.keys()].map((connection) => connection.destroy()),
    )
  }
}

/** A size as undici takes it: a whole number. It fails with as many bytes, we allow them. */
function wholeBytes(bytes = DEFAULT_LIMITS.responseHeadBytes): number {
  return Math.min(Math.floor(bytes) + 1, Number.MAX_SAFE_INTEGER)
}
