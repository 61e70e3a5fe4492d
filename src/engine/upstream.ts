import { Client, type Dispatcher } from 'undici'
import { MAX_TIMER_MS } from '../rules/known-options.js'
import { type ConnectionOptions, connectorFor, wholeMs } from './connector.js'
import { type ResponseHandler, SentRequest } from './sent-request.js'

/** A request as it leaves for a server. */
export interface UpstreamRequest {
  readonly method: string
  readonly path: string
  /** Names and values in turn. */
  readonly headers: string[]
  readonly body: NodeJS.ReadableStream | Buffer | null
  /** The protocol to switch to, `websocket` for example. */
  readonly upgrade: string | null
}

/** What its origin says, and how it is connected to. */
interface ParsedOrigin {
  readonly url: URL
  readonly hostname: string
  readonly settings: Client.Options
}

/**
 * The live side of a server: its connections, each with one request at a time. One per origin, or per address of it, however many backends and
 * generations name it.
 */
export class Upstream {
  /** `http://host:port`. */
  readonly origin: string
  /** The one of the origin's name that is connected to. Undefined: whichever it has. */
  readonly address: string | undefined
  readonly #options: ConnectionOptions
  #parsed: ParsedOrigin | undefined
  /** Whether they are connected. */
  readonly #clients = new Map<Client, boolean>()
  /** Those without a request. The one used last is used first: it is the likeliest to stand, and the others may close. */
  readonly #idle: Client[] = []
  /** Connections that end with what is under way on them, each with its end. */
  readonly #closing = new Map<Client, Promise<void>>()
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

  static keyOf(origin: string, address: string | undefined): string {
    return address === undefined ? origin : `${origin} ${address}`
  }

  /**
   * Sends a request. What becomes of it, the handler is told; this never throws.
   *
   * @param fresh on a connection made now: where one that stood was dead, all may be
   * @returns whether it is
   */
  dispatch(request: UpstreamRequest, handler: ResponseHandler, fresh = false): boolean {
    const standing = fresh ? undefined : this.#idle.pop()
    const client = standing ?? this.#newClient()
    client.dispatch(
      {
        method: request.method as Dispatcher.HttpMethod,
        path: request.path,
        headers: request.headers,
        body: request.body as Dispatcher.DispatchOptions['body'],
        upgrade: request.upgrade,
        // Else undici takes the client's Host for the name on the server's certificate.
        servername: this.#parse().hostname,
        // undici closes the connection after a HEAD unless told that the server is not to be distrusted.
        reset: request.method === 'HEAD' ? false : null,
        // Nothing is sent behind a request before its response has ended, so nothing needs to be told of its head.
        blocking: false,
      } as Dispatcher.DispatchOptions,
      new SentRequest(client, handler, this.#drop),
    )
    return standing === undefined
  }

  #newClient(): Client {
    const { url, settings } = this.#parse()
    const client = new Client(url, settings)
    this.#clients.set(client, false)
    client.on('connect', () => {
      if (this.#clients.has(client)) this.#clients.set(client, true)
    })
    client.on('disconnect', () => this.#disconnected(client))
    // undici says so when it can take a request: the last one has ended.
    client.on('drain', () => {
      if (this.#clients.get(client)) this.#idle.push(client)
      else this.#drop(client)
    })
    return client
  }

  #disconnected(client: Client): void {
    if (this.#idle.includes(client)) this.#drop(client)
    // Otherwise it connects once more for the request that came as the server closed it, or says that it has none.
    else if (this.#clients.has(client)) this.#clients.set(client, false)
  }

  /** Forgets it in the same step, or a request would still be sent on it. */
  readonly #drop = (client: Client): void => {
    const place = this.#idle.indexOf(client)
    if (place >= 0) this.#idle.splice(place, 1)
    this.#clients.delete(client)
    void client.destroy()
  }

  /** On first use: a configuration may name a hundred thousand servers that nobody asks for today. */
  #parse(): ParsedOrigin {
    if (this.#parsed) return this.#parsed
    const url = new URL(this.origin)
    const { hostname } = url
    const settings = {
      pipelining: 1,
      allowH2: false,
      connect: connectorFor(hostname, this.#options, this.address),
      // `Movement` looks at the clock.
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: wholeMs(this.#options.timeouts.upstreamKeepAliveMs, MAX_TIMER_MS),
    }
    this.#parsed = { url, hostname, settings }
    return this.#parsed
  }

  /** Connections that stand, and how many of them have no request. */
  get connections(): { readonly open: number; readonly idle: number } {
    let open = 0
    for (const connected of this.#clients.values()) if (connected) open += 1
    return { open, idle: this.#idle.length }
  }

  /** Whether it has connections, or had to make some and may have them still. */
  get isOpen(): boolean {
    return this.#clients.size > 0 || this.#closing.size > 0
  }

  /**
   * Closes idle connections now, and each busy one when its request has ended. Whoever still picks this server gets a new
   * one: a request may hold it for long, and until then nobody else has a use for those that are idle.
   */
  closeIdle(): void {
    for (const client of this.#clients.keys()) {
      this.#closing.set(
        client,
        client.close().finally(() => this.#closing.delete(client)),
      )
    }
    this.#clients.clear()
    this.#idle.length = 0
  }

  /** Cuts connections without a request, at once. @returns how many there were */
  dropIdle(): number {
    const idle = this.#idle.splice(0)
    for (const client of idle) this.#drop(client)
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
    await Promise.all([...this.#clients.keys(), ...this.#closing.keys()].map((client) => client.destroy()))
  }
}
