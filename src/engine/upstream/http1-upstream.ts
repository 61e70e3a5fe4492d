import { ProxyError } from '../../model/errors.js'
import { Connection, type ConnectionListener } from './connection.js'
import { ConnectionPlaces } from './connection-places.js'
import { type ConnectionSettings, connectionSettings } from './connection-settings.js'
import type { ConnectionOptions } from './connector.js'
import type { RequestBytes } from './request-bytes.js'
import type { ResponseHandler, ServerConnection } from './server-connection.js'
import { keyOfUpstream, type Places, type Upstream } from './upstream.js'

type OwnPlaces = ConnectionPlaces<Connection>

/** An upstream on undici's clients: HTTP/1 connections, each with one request at a time. */
export class Http1Upstream implements Upstream, ConnectionListener {
  readonly origin: string
  readonly address: string | undefined
  readonly #options: ConnectionOptions
  #settings: ConnectionSettings | undefined
  readonly #connections = new Set<Connection>()
  /**
   * Connections without a request. The connection that was used last is used first, because it is the most likely to be still
   * open. The other connections can then reach their idle timeout.
   */
  readonly #idle: Connection[] = []
  /** The connection limit of each backend at this server, by the name of the backend. */
  #places: Map<string, WeakRef<OwnPlaces>> | undefined
  /** The number of open sockets to this server, of all backends together. */
  #sockets = 0
  readonly #onEmpty: (() => void)[] = []
  /** Connections that close after their current request, each with a promise that resolves when the connection has closed. */
  readonly #closing = new Map<Connection, Promise<void>>()
  leftAt: number | undefined

  constructor(origin: string, options: ConnectionOptions, address?: string) {
    this.origin = origin
    this.address = address
    this.#options = options
  }

  get key(): string {
    return keyOfUpstream(this.origin, this.address)
  }

  get tcpKeepAliveMs(): number {
    return this.#options.timeouts.tcpKeepAliveMs
  }

  placesOf(backend: string): OwnPlaces {
    const known = this.#places?.get(backend)?.deref()
    if (known) return known
    this.#places ??= new Map()
    for (const [name, places] of this.#places) if (!places.deref()) this.#places.delete(name)
    const places: OwnPlaces = new ConnectionPlaces(this.#options.timeouts.connectMs, (by) => this.#count(by))
    this.#places.set(backend, new WeakRef(places))
    return places
  }

  #count(by: 1 | -1): void {
    this.#sockets += by
    if (this.#sockets > 0) return
    for (const resolve of this.#onEmpty.splice(0)) resolve()
  }

  dispatch(
    request: RequestBytes,
    handler: ResponseHandler,
    fresh = false,
    given: Places = this.placesOf(''),
  ): void {
    const places = given as OwnPlaces
    const idle = fresh ? undefined : this.#takeIdle(places)
    if (idle) return send(idle, request, handler, false)
    const hasPlace = places.take({
      begin: () => send(this.#newConnection(places, true), request, handler, true),
      use: fresh ? undefined : (connection) => send(connection, request, handler, false),
      refuse: (error) => handler.onResponseError(error),
    })
    if (!hasPlace) this.#makeRoom(places)
  }

  /**
   * Takes an idle connection for a request to the backend whose connection limit is `places`. The connection that was used last
   * is preferred. If it counts for another backend, it counts for this backend from now on. If this backend is at its limit, only
   * an idle connection that already counts for it is taken.
   */
  #takeIdle(places: OwnPlaces): Connection | undefined {
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

  openPrivate(given: Places): ServerConnection {
    const places = given as OwnPlaces
    if (places.isFull) this.#makeRoom(places)
    return this.#newConnection(places, false)
  }

  #newConnection(places: OwnPlaces, hasPlace: boolean): Connection {
    // The connection settings are made on first use. A configuration may have 100,000 servers, and most may never get a request.
    this.#settings ??= connectionSettings(this.origin, this.#options, this.address)
    const connection = new Connection(this.#settings, this, places, hasPlace)
    this.#connections.add(connection)
    return connection
  }

  free(connection: Connection): void {
    const { places, isPrivate } = connection
    if (isPrivate) {
      if ((places.isAwaited || connection.isOld) && connection.canGiveWay) connection.end()
    } else if (connection.isOld || !places.giveOpen(connection)) {
      // A caller that still waits accepts only a new connection, so this connection ends to make room for a new one.
      if (connection.isOld || places.isAwaited || places.excess > 0) connection.end()
      else this.#idle.push(connection)
    }
  }

  /**
   * Ends idle connections of a backend, so that the backend can open a new one. Connections that all clients share end first.
   * Then connections of a single client end, if that client can log in again.
   */
  #makeRoom(places: OwnPlaces): void {
    let needed = places.excess + 1
    for (const connection of [...this.#idle, ...this.#connections]) {
      if (needed === 0) return
      const isIdle = connection.canGiveWay || this.#idle.includes(connection)
      if (connection.places !== places || !isIdle) continue
      needed -= 1
      connection.end()
    }
  }

  limit(given: Places, maxConnections: number): void {
    const places = given as OwnPlaces
    places.limit = maxConnections
    for (const connection of [...this.#idle])
      if (connection.places === places && places.excess > 0) connection.end()
  }

  unlimit(backend: string): void {
    const places = this.#places?.get(backend)?.deref()
    if (places) places.limit = Number.POSITIVE_INFINITY
  }

  /** Forgets an ended connection at once. Otherwise a request could still be sent on it. */
  gone(connection: Connection): void {
    const index = this.#idle.indexOf(connection)
    if (index >= 0) this.#idle.splice(index, 1)
    this.#connections.delete(connection)
  }

  get connections(): { readonly open: number; readonly idle: number } {
    let open = 0
    for (const { isConnected } of this.#connections) if (isConnected) open += 1
    return { open, idle: this.#idle.length }
  }

  get isOpen(): boolean {
    return this.#connections.size > 0 || this.#closing.size > 0 || this.#sockets > 0
  }

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

  dropIdle(): number {
    const idle = this.#idle.splice(0)
    for (const connection of idle) connection.end()
    return idle.length
  }

  async close(): Promise<void> {
    this.closeIdle()
    await Promise.all(this.#closing.values())
    if (this.#sockets > 0) await new Promise<void>((resolve) => this.#onEmpty.push(resolve))
  }

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
