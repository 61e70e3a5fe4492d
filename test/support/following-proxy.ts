import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  ApiConfigFetcher,
  createProxy,
  EtcdAliasProvider,
  type EtcdConnection,
  type ReverseProxy,
} from 'switchover'
import { httpGet } from './http-get.js'
import { eventually, nextEvent } from './next-event.js'

export const ALIAS = '/alias'

/**
 * A whole proxy that follows an alias in etcd, and a record of all that it tells. Its config API knows every prefix,
 * and the routes under one lead to a server that answers with that prefix: what is served can be asked for.
 */
export class FollowingProxy implements AsyncDisposable {
  readonly proxy: ReverseProxy
  /** Prefixes that the config API was asked for, in order. */
  readonly fetched: string[]
  /** Prefixes that went live, in order. */
  readonly live: string[] = []
  readonly troubles: string[] = []
  recoveries = 0
  readonly #town: Town
  #port = 0

  private constructor(proxy: ReverseProxy, town: Town) {
    this.proxy = proxy
    this.#town = town
    this.fetched = town.fetched
    proxy.on('configChanged', ({ version }) => this.live.push(String(version)))
    proxy.on('providerUnavailable', ({ error }) => this.troubles.push(error.message))
    proxy.on('providerRecovered', () => {
      this.recoveries += 1
    })
  }

  /**
   * Resolves when it listens, before it has read anything.
   *
   * @param who the user, and the certificates, to ask etcd with
   */
  static async start(
    hosts: string | readonly string[],
    aliasKey = ALIAS,
    who: Pick<EtcdConnection, 'auth' | 'tls'> = {},
  ): Promise<FollowingProxy> {
    const town = await Town.start()
    const fetcher = new ApiConfigFetcher({ url: `${town.url}/config` })
    const proxy = createProxy({ providers: [new EtcdAliasProvider({ hosts, aliasKey, fetcher, ...who })] })
    const following = new FollowingProxy(proxy, town)
    await following.#listen()
    return following
  }

  async #listen(): Promise<void> {
    const { port } = await this.proxy.listen({ port: 0, host: '127.0.0.1' })
    this.#port = port
  }

  get port(): number {
    return this.#port
  }

  /** How long the config API takes to answer for a prefix, in milliseconds. */
  set fetchMs(ofPrefix: (prefix: string) => number) {
    this.#town.fetchMs = ofPrefix
  }

  /** Whoever asks the config API for this prefix has to wait until it is released. */
  withhold(prefix: string): void {
    this.#town.withheld.set(prefix, [])
  }

  release(prefix: string): void {
    const answers = this.#town.withheld.get(prefix) ?? []
    this.#town.withheld.delete(prefix)
    for (const answer of answers) answer()
  }

  /** What a request is answered with: the prefix that is served, else the status. */
  async answer(): Promise<string> {
    const { status, body } = await httpGet({ port: this.port })
    return status === 200 ? body : String(status)
  }

  /** Resolves when a request is answered by the routes under this prefix, to how long that took. */
  async serves(prefix: string, limitMs: number): Promise<number> {
    const start = performance.now()
    await eventually(async () => (await this.answer()) === prefix, `${prefix} is served`, limitMs)
    return performance.now() - start
  }

  /** Resolves at the next trouble, to its message. */
  async troubled(limitMs: number): Promise<string> {
    return (await nextEvent(this.proxy, 'providerUnavailable', () => true, limitMs)).error.message
  }

  /** Resolves when an outage has been told to be over. */
  async recovered(): Promise<void> {
    await eventually(() => this.recoveries > 0, 'recovery is told')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.proxy.close({ drainMs: 0 })
    await this.#town.close()
  }
}

/** The config API and the server behind all routes, on one port. */
class Town {
  url = ''
  readonly fetched: string[] = []
  fetchMs: (prefix: string) => number = () => 0
  /** Answers that are due, by prefix. */
  readonly withheld = new Map<string, (() => void)[]>()
  readonly #server: Server

  private constructor() {
    this.#server = createServer((req, res) => this.#answer(req, res))
    // Longer than any pool keeps a connection: an idle one must not be closed under a request.
    this.#server.keepAliveTimeout = 60_000
  }

  static async start(): Promise<Town> {
    const town = new Town()
    await new Promise<void>((resolve) => town.#server.listen(0, '127.0.0.1', resolve))
    town.url = `http://127.0.0.1:${(town.#server.address() as AddressInfo).port}`
    return town
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #answer(req: IncomingMessage, res: ServerResponse): void {
    const { pathname, searchParams } = new URL(req.url ?? '/', this.url)
    const prefix = searchParams.get('prefix')
    // The request's own path is "/", and the backend prepends the prefix.
    if (prefix === null) {
      res.end(pathname.slice(0, -1))
      return
    }
    this.fetched.push(prefix)
    const answer = () => {
      res.setHeader('content-type', 'application/json')
      res.end(JSON.stringify(this.#document(prefix)))
    }
    const due = this.withheld.get(prefix)
    if (due) due.push(answer)
    else setTimeout(answer, this.fetchMs(prefix))
  }

  #document(prefix: string) {
    return {
      prefix,
      frontends: { web: { backend: 'web', rule: 'PathPrefix:/' } },
      backends: { web: { servers: { only: { url: `${this.url}${prefix}` } } } },
    }
  }
}
