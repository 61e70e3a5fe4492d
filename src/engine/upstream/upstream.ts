import { ProxyError } from '../../model/errors.js'
import { Connection, type ConnectionListener } from './connection.js'
import { ConnectionPlaces } from './connection-places.js'
import { type ConnectionSettings, connectionSettings } from './connection-settings.js'
import type { ConnectionOptions } from './connector.js'
import type { RequestBytes, ResponseHandler, ServerConnection } from './sent-request.js'

export type Places = ConnectionPlaces<Connection>

/**
 * The live side of a server: its connections, each with one request at a time. One per origin, or per address of it, however many backends and
 * generations name it.
 */
export class Upstream implements ConnectionListener {
  /** `http://host:port`. */
  readonly origin: string
  /** The one of the origin's name that is connected to. Undefined: whichever it has. */
  readonly address: string | undefined
  readonly #options: ConnectionOptions
  #settings: ConnectionSettings | undefined
  readonly #connections = new Set<Connection>()
  /** Those without a request. The one used last is used first: it is the likeliest to stand, and the others may close. */
  readonly #idle: Connection[] = []
  /** By backends. */
  #places: Map<string, WeakRef<Places>> | undefined
  /** Of all backends. */
  #sockets = 0
  readonly #onEmpty: (() => void)[] = []
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

  /** Where the sockets of a backend to it count. One for as long as a server or a socket of that backend has it. */
  placesOf(backend: string): Places {
    const known = this.#places?.get(backend)?.deref()
    if (known) return known
    this.#places ??= new Map()
    for (const [name, places] of this.#places) if (!places.deref()) this.#places.delete(name)
    const places: Places = new ConnectionPlaces(this.#options.timeouts.connectMs, (by) => this.#count(by))
    this.#places.set(backend, new WeakRef(places))
    return places
  }

  #count(by: 1 | -1): void {
    this.#sockets += by
    if (this.#sockets > 0) return
    for (const resolve of this.#onEmpty.splice(0)) resolve()
  }

  /**
   * Sends a request. What becomes of it, the handler is told; this never throws.
   *
   * @param fresh on a connection made now: where one that stood was dead, all may be
   * @param places of the backend whose request it is
   */
  dispatch(
    request: RequestBytes,
    handler: ResponseHandler,
    fresh = false,
    places: Places = this.placesOf(''),
  ): void {
    const standing = fresh ? undefined : this.#takeIdle(places)
    if (standing) return send(standing, request, handler, false)
    const hasPlace = places.take({
      begin: () => send(this.#newConnection(places, true), request, handler, true),
      use: fresh ? undefined : (connection) => send(connection, request, handler, false),
      refuse: (error) => handler.onResponseError(error),
    })
    if (!hasPlace) this.#makeRoom(places)
  }

  /** The one used last, if the backend may have it: one of its own, or one more. */
  #takeIdle(places: Places): Connection | undefined {
    const last = this.#idle.pop()
    if (!last || last.places === places) return last
    if (!places.isFull) {
      last.moveTo(places)
      return last
    }
    this.#idle.push(last)
    const own = this.#idle.findLastIndex((connection) => connection.places === places)
    return own < 0 ? undefined : this.#idle.splice(own, 1)[0]
  }

  /** A connection that is made with its first request, and that nobody else is given. */
  openPrivate(places: Places): ServerConnection {
    if (places.isFull) this.#makeRoom(places)
    return this.#newConnection(places, false)
  }

  #newConnection(places: Places, hasPlace: boolean): Connection {
    // On first use: a configuration may name a hundred thousand servers, most of which get no request today.
    this.#settings ??= connectionSettings(this.origin, this.#options, this.address)
    const connection = new Connection(this.#settings, this, places, hasPlace)
    this.#connections.add(connection)
    return connection
  }

  free(connection: Connection): void {
    const { places, isPrivate } = connection
    if (isPrivate) {
      if ((places.isAwaited || connection.isOld) && connection.canGiveWay) connection.end()
    } else if (connection.isOld || !places.giveStanding(connection)) {
      // Whoever still waits needs a new one.
      if (connection.isOld || places.isAwaited || places.excess > 0) connection.end()
      else this.#idle.push(connection)
    }
  }

  /** Ends idle connections, so that another can be made: those of nobody, else those whose clients can log in once more. */
  #makeRoom(places: Places): void {
    let needed = places.excess + 1
    for (const connection of [...this.#idle, ...this.#connections]) {
      if (needed === 0) return
      const isIdle = connection.canGiveWay || this.#idle.includes(connection)
      if (connection.places !== places || !isIdle) continue
      needed -= 1
      connection.end()
    }
  }

  /** Sets how many sockets a backend may have. Idle ones above that end now, others with their requests. */
  limit(places: Places, maxConnections: number): void {
    places.limit = maxConnections
    for (const connection of [...this.#idle])
      if (connection.places === places && places.excess > 0) connection.end()
  }

  /** A backend may have as many sockets as it likes. */
  unlimit(backend: string): void {
    const places = this.#places?.get(backend)?.deref()
    if (places) places.limit = Number.POSITIVE_INFINITY
  }

  /** Forgets it in the same step, or a request would still be sent on it. */
  gone(connection: Connection): void {
    const place = this.#idle.indexOf(connection)
    if (place >= 0) this.#idle.splice(place, 1)
    this.#connections.delete(connection)
  }

  /** Connections that stand, and how many of them have no request. */
  get connections(): { readonly open: number; readonly idle: number } {
    let open = 0
    for (const { isConnected } of this.#connections) if (isConnected) open += 1
    return { open, idle: this.#idle.length }
  }

  /** Whether it has connections, or had to make some and may have them still. */
  get isOpen(): boolean {
    return this.#connections.size > 0 || this.#closing.size > 0 || this.#sockets > 0
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

  /** Closes idle ones, and resolves when the last busy one has closed, and its socket, and every tunnel. */
  async close(): Promise<void> {
    this.closeIdle()
    await Promise.all(this.#closing.values())
    if (this.#sockets > 0) await new Promise<void>((resolve) => this.#onEmpty.push(resolve))
  }

  /** Cuts every connection. */
  async destroy(): Promise<void> {
    this.#options.ended?.abort()
    for (const places of this.#places?.values() ?? [])
      places.deref()?.refuseAll(new ProxyError('PROXY_CLOSED'))
    await Promise.all(
      [...this.#connections, ...this.#closing.keys()].map((connection) => connection.destroy()),
    )
  }
}

function send(
  connection: Connection,
  request: RequestBytes,
  handler: ResponseHandler,
  isFresh: boolean,
): void {
  handler.isFresh = isFresh
  connection.dispatch(request, handler)
}
