import { isIP } from 'node:net'
import { buildConnector, Client, type Dispatcher, Pool } from 'undici'
import { MAX_TIMER_MS } from '../rules/known-options.js'
import type { Timeouts } from './limits.js'
import type { UpstreamNetworks } from './upstream-networks.js'
import { connectionOptions, endWithReason, type UpstreamTls } from './upstream-tls.js'

/** How connections to servers are made. */
export interface UpstreamOptions {
  readonly timeouts: Timeouts
  readonly tls: UpstreamTls
  readonly networks: UpstreamNetworks
}

/** What undici calls back while a request is on its way; our name for its type, so that only this file imports it. */
export type ResponseHandler = Dispatcher.DispatchHandler
export type ResponseController = Dispatcher.DispatchController

/** A request as it leaves for a server. */
export interface UpstreamRequest {
  readonly method: string
  readonly path: string
  /** Names and values in turn. */
  readonly headers: string[]
  readonly body: NodeJS.ReadableStream | null
  /** The protocol to switch to, `websocket` for example. */
  readonly upgrade: string | null
}

/** The live side of a server: its connections. One per origin, however many backends and generations name it. */
export class Upstream {
  /** `http://host:port`: what makes two servers the same. */
  readonly origin: string
  readonly #options: UpstreamOptions
  #parsedHostname: string | undefined
  #pool: Pool | undefined
  /** Connections that end with what is under way on them, each with its end: those of single requests, and old pools. */
  readonly #closing = new Map<Client | Pool, Promise<void>>()
  /** When the last configuration that named it was replaced, as `performance.now()` says; undefined while one names it. */
  leftAt: number | undefined

  constructor(origin: string, options: UpstreamOptions) {
    this.origin = origin
    this.#options = options
  }

  /** Of the URL: parsed on first use, for most servers of a large configuration are never asked. */
  get #hostname(): string {
    this.#parsedHostname ??= new URL(this.origin).hostname
    return this.#parsedHostname
  }

  /**
   * Sends a request. What becomes of it, the handler is told; this never throws.
   *
   * @param fresh on a connection of its own, made now: where one of the pool was dead, all may be
   */
  dispatch(request: UpstreamRequest, handler: ResponseHandler, fresh = false): void {
    const connections = fresh ? new Client(this.origin, this.#settings()) : this.#pooled()
    connections.dispatch(
      {
        method: request.method as Dispatcher.HttpMethod,
        path: request.path,
        headers: request.headers,
        body: request.body as Dispatcher.DispatchOptions['body'],
        upgrade: request.upgrade,
        // Else undici takes the client's Host for the name on the server's certificate.
        servername: this.#hostname,
        // undici closes the connection after a HEAD unless told that the server is not to be distrusted.
        reset: request.method === 'HEAD' ? false : null,
        // Nothing is sent behind a request before its response has ended, so nothing needs to be told of its head.
        blocking: false,
      } as Dispatcher.DispatchOptions,
      handler,
    )
    if (connections instanceof Client) this.#closeAfterUse(connections)
  }

  #pooled(): Pool {
    // Made on first use: a configuration may name a hundred thousand servers that nobody asks for today.
    this.#pool ??= new Pool(this.origin, this.#settings())
    return this.#pool
  }

  #closeAfterUse(connections: Client | Pool): void {
    this.#closing.set(
      connections,
      connections.close().finally(() => this.#closing.delete(connections)),
    )
  }

  #settings(): Client.Options {
    const { timeouts } = this.#options
    return {
      pipelining: 1,
      allowH2: false,
      connect: connectorFor(this.#hostname, this.#options),
      // `Movement` looks at the clock.
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: wholeMs(timeouts.upstreamKeepAliveMs, MAX_TIMER_MS),
    }
  }

  /** Whether it has connections, or had to make some and may have them still. */
  get isOpen(): boolean {
    return this.#pool !== undefined || this.#closing.size > 0
  }

  /**
   * Closes idle connections now, and each busy one when its request has ended. Whoever still picks this server gets a new
   * one: a request may hold it for long, and until then nobody else has a use for those that are idle.
   */
  closeIdle(): void {
    if (this.#pool) this.#closeAfterUse(this.#pool)
    this.#pool = undefined
  }

  /** The same, and resolves when the last one is closed. */
  async close(): Promise<void> {
    this.closeIdle()
    await Promise.all(this.#closing.values())
  }

  /** Cuts every connection. */
  async destroy(): Promise<void> {
    await Promise.all([this.#pool, ...this.#closing.keys()].map((connections) => connections?.destroy()))
  }
}

/** A time as undici takes it: a whole number, and no `Infinity`, which it would take for its own default. */
function wholeMs(ms: number, none: number): number {
  return Number.isFinite(ms) ? Math.min(Math.ceil(ms), MAX_TIMER_MS) : none
}

/** Connects over TLS under the URL's own host name; an address has none to send, and is checked as an address. */
function connectorFor(
  hostname: string,
  { timeouts, tls, networks }: UpstreamOptions,
): buildConnector.connector {
  const connect = buildConnector({
    timeout: wholeMs(timeouts.connectMs, 0),
    ...connectionOptions(tls),
    lookup: networks.lookup,
  } as buildConnector.BuildOptions)
  const address = hostname.replace(/^\[|\]$/g, '')
  const flaw = networks.flawOf(address)
  if (flaw) return (_, callback) => callback(flaw, null)
  const named = isIP(address) === 0
  return (options, callback) =>
    connect(named ? options : { ...options, servername: '' }, (error, socket) => {
      if (error) return callback(error, null)
      socket.on('error', tellReset)
      if (options.protocol === 'https:') endWithReason(socket)
      callback(null, socket)
    })
}

/** By this code undici takes a reset for the proper end of a body that only the end of its connection ends. */
function tellReset(error: NodeJS.ErrnoException): void {
  if (error.code === 'ECONNRESET') error.code = 'UND_ERR_SOCKET'
}

interface Held {
  readonly upstream: Upstream
  /** Of snapshots that requests may still pick from. */
  holds: number
  /** By how many of those that serve, or are about to. */
  named: number
}

/**
 * All upstreams of an engine. Live state outlives configurations: an upstream lives from the first snapshot that
 * holds it to the last, so a server that stays in the next generation keeps its connections.
 */
export class Upstreams {
  readonly #options: UpstreamOptions
  readonly #held = new Map<string, Held>()
  /** No snapshot holds them any more, but requests may still be under way. */
  readonly #leaving = new Set<Upstream>()

  constructor(options: UpstreamOptions) {
    this.#options = options
  }

  /** The upstream of an origin, held until released. */
  hold(origin: string): Upstream {
    let entry = this.#held.get(origin)
    if (entry === undefined) {
      entry = { upstream: new Upstream(origin, this.#options), holds: 0, named: 0 }
      this.#held.set(origin, entry)
    }
    entry.holds += 1
    entry.named += 1
    entry.upstream.leftAt = undefined
    return entry.upstream
  }

  /** A configuration that named it was replaced, though requests may still hold it. */
  leave(upstream: Upstream): void {
    const entry = this.#held.get(upstream.origin)
    if (entry === undefined || entry.upstream !== upstream) return
    entry.named -= 1
    if (entry.named > 0) return
    upstream.leftAt = performance.now()
    upstream.closeIdle()
  }

  /** Gives a hold back. With the last one the upstream closes; what is under way on it runs on. */
  release(upstream: Upstream): void {
    const entry = this.#held.get(upstream.origin)
    if (entry === undefined || entry.upstream !== upstream) return
    entry.holds -= 1
    if (entry.holds > 0) return
    this.#held.delete(upstream.origin)
    // Most were never asked for anything.
    if (!upstream.isOpen) return
    this.#leaving.add(upstream)
    void upstream.close().finally(() => this.#leaving.delete(upstream))
  }

  /** Cuts every connection, also of upstreams that were leaving. */
  async destroy(): Promise<void> {
    const all = [...this.#leaving, ...[...this.#held.values()].map(({ upstream }) => upstream)]
    this.#held.clear()
    await Promise.all(all.map((upstream) => upstream.destroy()))
  }
}
