import { isIP } from 'node:net'
import { buildConnector, type Dispatcher, Pool } from 'undici'

/** Limits on the way to a server, in milliseconds. */
export interface UpstreamTimeouts {
  /** For a connection to be established, TLS included. */
  readonly connectMs: number
  /** From the request sent to the head of the response. */
  readonly responseHeadMs: number
  /** Between two pieces of the response's body. */
  readonly bodyIdleMs: number
}

/** The default limits: 10 s to connect, 60 s to the response's head, 300 s of silence in its body. */
export const DEFAULT_UPSTREAM_TIMEOUTS: UpstreamTimeouts = {
  connectMs: 10_000,
  responseHeadMs: 60_000,
  bodyIdleMs: 300_000,
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
  readonly #timeouts: UpstreamTimeouts
  readonly #hostname: string
  #pool: Pool | undefined

  constructor(origin: string, timeouts: UpstreamTimeouts) {
    this.origin = origin
    this.#hostname = new URL(origin).hostname
    this.#timeouts = timeouts
  }

  /** Sends a request. What becomes of it, the handler is told; this never throws. */
  dispatch(request: UpstreamRequest, handler: ResponseHandler): void {
    // Made on first use: a configuration may name a hundred thousand servers that nobody asks for today.
    this.#pool ??= new Pool(this.origin, {
      pipelining: 1,
      allowH2: false,
      connect: connectorFor(this.#hostname, this.#timeouts.connectMs),
      headersTimeout: this.#timeouts.responseHeadMs,
      bodyTimeout: this.#timeouts.bodyIdleMs,
    })
    this.#pool.dispatch(
      {
        method: request.method as Dispatcher.HttpMethod,
        path: request.path,
        headers: request.headers,
        body: request.body as Dispatcher.DispatchOptions['body'],
        upgrade: request.upgrade,
        // Else undici takes the client's Host for the name on the server's certificate.
        servername: this.#hostname,
        // undici closes the connection after a HEAD unless told that the server is not to be distrusted.
        ...(request.method === 'HEAD' && { reset: false }),
      } as Dispatcher.DispatchOptions,
      handler,
    )
  }

  /** Closes idle connections now, and each busy one when its request has ended. */
  async close(): Promise<void> {
    await this.#pool?.close()
  }

  /** Cuts every connection. */
  async destroy(): Promise<void> {
    await this.#pool?.destroy()
  }
}

/** Connects over TLS under the URL's own host name; an address has none to send, and is checked as an address. */
function connectorFor(hostname: string, timeout: number): buildConnector.connector {
  const connect = buildConnector({ timeout })
  const isAddress = isIP(hostname.replace(/^\[|\]$/g, '')) !== 0
  return (options, callback) => connect(isAddress ? { ...options, servername: '' } : options, callback)
}

/**
 * All upstreams of an engine. Live state outlives configurations: an upstream lives from the first snapshot that
 * holds it to the last, so a server that stays in the next generation keeps its connections.
 */
export class Upstreams {
  readonly #timeouts: UpstreamTimeouts
  readonly #held = new Map<string, { upstream: Upstream; holds: number }>()
  /** No snapshot holds them any more, but requests may still be under way. */
  readonly #leaving = new Set<Upstream>()

  constructor(timeouts: UpstreamTimeouts) {
    this.#timeouts = timeouts
  }

  /** The upstream of an origin, held until released. */
  hold(origin: string): Upstream {
    let entry = this.#held.get(origin)
    if (entry === undefined) {
      entry = { upstream: new Upstream(origin, this.#timeouts), holds: 0 }
      this.#held.set(origin, entry)
    }
    entry.holds += 1
    return entry.upstream
  }

  /** Gives a hold back. With the last one the upstream closes; what is under way on it runs on. */
  release(upstream: Upstream): void {
    const entry = this.#held.get(upstream.origin)
    if (entry === undefined || entry.upstream !== upstream) return
    entry.holds -= 1
    if (entry.holds > 0) return
    this.#held.delete(upstream.origin)
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
