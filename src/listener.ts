import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { ClientConnections } from './client-connections.js'
import type { RequestHandler, UpgradeHandler } from './engine/engine-options.js'
import { ALLOWED_METHODS } from './engine/error-response.js'
import { DEFAULT_LIMITS, DEFAULT_TIMEOUTS, type Limits, type Timeouts } from './engine/limits.js'
import { isHeld } from './engine/pipelines.js'
import { onceFree } from './engine/upgrade.js'
import { checkSocketPath } from './listen-checks.js'
import { ProxyError } from './model/errors.js'
import { checkListenerLimits } from './proxy-options.js'
import { describeValue } from './rules/document-shapes.js'
import { onlyKnownOptions } from './rules/known-options.js'
import { present } from './rules/records.js'
import { limitIdleShortly } from './short-idle-limit.js'

/** Where to listen: a port (0: any free one), with more said, or a Unix socket. */
export type ListenAt =
  | number
  | { readonly port: number; readonly host?: string; readonly entryPoint?: string }
  | { readonly path: string; readonly entryPoint?: string }

/** Where a listener is bound. */
export interface BoundAddress {
  /** Of the socket; `''` for a Unix socket. */
  readonly host: string
  /** 0 for a Unix socket. */
  readonly port: number
  /** For people and tests: `http://127.0.0.1:8000`, or `unix:/path`. */
  readonly url: string
}

/** What limits on clients come from. */
export interface ListenerLimits {
  readonly timeouts?: Partial<Timeouts>
  readonly limits?: Partial<Limits>
}

/**
 * Options for a `node:http` or `node:https` server of the host's, as the proxy's own listeners have them: with Node's
 * own, a silent connection is held for 90 s. A server that exists already can be changed in part; `attach` does that.
 *
 * @param given `timeouts` and `limits` as given to `createProxy`; its other options say nothing here
 * @throws ProxyError `PROXY_OPTION_INVALID` for unknown names and for numbers that `createProxy` refuses
 */
export function serverOptions(given: ListenerLimits = {}): ServerOptions {
  checkListenerLimits(given)
  const { timeouts, limits } = given
  const { requestHeadMs, keepAliveMs } = { ...DEFAULT_TIMEOUTS, ...present(timeouts ?? {}) }
  return {
    headersTimeout: finite(requestHeadMs),
    connectionsCheckingInterval: Math.min(1_000, Math.max(25, Math.ceil(requestHeadMs / 10))),
    keepAliveTimeout: finite(keepAliveMs),
    // The proxy itself looks at bodies: an upload may take as long as it moves.
    requestTimeout: 0,
    // Whatever Node was started with: what a lenient parser lets through, two proxies may read differently. A host that
    // gives `httpValidation` must take this one out again: Node takes one of the two.
    insecureHTTPParser: false,
    maxHeaderSize: Math.min(
      Math.ceil({ ...DEFAULT_LIMITS, ...present(limits ?? {}) }.headBytes),
      MAX_NODE_LIMIT,
    ),
  }
}

/** Beyond it node refuses a number. */
const MAX_NODE_LIMIT = 2 ** 31 - 1

/** Node takes whole numbers, and writes no limit as 0. */
function finite(ms: number): number {
  return Number.isFinite(ms) ? Math.min(Math.ceil(ms), MAX_NODE_LIMIT) : 0
}

/**
 * What a server that exists lets change: its times, how many headers it counts (the head's size is limit enough, and
 * hides nothing), how many connections an address may have, and that CONNECT is answered. @returns puts all of it back as
 * it was
 *
 * @param all of the proxy's listeners; its connections are added
 */
export function limitServer(
  server: Server,
  given: ListenerLimits,
  all = new Set<ClientConnections>(),
): () => void {
  const own = limitsOf(server)
  Object.assign(server, { ...limitsOf(serverOptions(given)), maxHeadersCount: 0 })
  const { connectionsPerAddress } = { ...DEFAULT_LIMITS, ...present(given.limits ?? {}) }
  const connections = new ClientConnections(connectionsPerAddress)
  all.add(connections)
  const { keepAliveMs } = { ...DEFAULT_TIMEOUTS, ...present(given.timeouts ?? {}) }
  const unlimitIdle = limitIdleShortly(server, keepAliveMs)
  const answers = server.listenerCount('clientError') === 0
  if (answers) server.on('clientError', answerClientError)
  server.on('connection', connections.enter)
  server.on('connect', refuseConnect)
  return () => {
    Object.assign(server, own)
    unlimitIdle()
    server.off('connection', connections.enter)
    all.delete(connections)
    server.off('connect', refuseConnect)
    if (answers) server.off('clientError', answerClientError)
  }
}

/** Of a server, or of what one is made with, what can be changed later. */
function limitsOf({
  headersTimeout,
  keepAliveTimeout,
  requestTimeout,
  maxHeadersCount,
  connectionsCheckingInterval,
}: ServerLimits): ServerLimits {
  return { headersTimeout, keepAliveTimeout, requestTimeout, maxHeadersCount, connectionsCheckingInterval }
}

interface ServerLimits {
  readonly headersTimeout?: number | undefined
  readonly keepAliveTimeout?: number | undefined
  readonly requestTimeout?: number | undefined
  readonly maxHeadersCount?: number | null | undefined
  /** Node reads it when the server begins to listen: later it changes nothing. */
  readonly connectionsCheckingInterval?: number | undefined
}

/** A reverse proxy is no way to anywhere else (RFC 9110, 9.3.6). Without a word, node would cut the connection. */
function refuseConnect(_req: IncomingMessage, socket: Duplex): void {
  socket.on('error', () => socket.destroy())
  onceFree(socket, () => {
    // What it says behind the head is for nobody; unread, it would make a reset of the end, and lose the response.
    socket.resume()
    socket.end(bareResponse(405, `Allow: ${ALLOWED_METHODS}\r\n`), () => socket.destroy())
  })
}

/** What Node answers to bytes that it cannot read, where that is not 400. */
const STATUS_OF: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
}

/**
 * Does what Node does with bytes that it cannot read, but for those behind a request that ends its connection: they are
 * ignored (RFC 9112, 9.6). Node would put a 400 in the place of the response under way.
 */
function answerClientError(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'HPE_CLOSED_CONNECTION') return
  // Its first half came with the requests that wait; the rest has its time once it can be read.
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT' && isHeld(socket, () => endLater(error, socket))) return
  // Node's own: the response under way, in whose middle nothing must be written.
  const { _httpMessage: response } = socket as Duplex & { _httpMessage?: ServerResponse }
  if (socket.writable && !response?.headersSent)
    socket.write(bareResponse(STATUS_OF[error.code ?? ''] ?? 400))
  // So that the request under way knows that its client has not left by itself, as one has whose body ends too early.
  const hasLeft = error.code === 'HPE_INVALID_EOF_STATE' || !error.code?.startsWith('HPE_')
  if (response && response.listenerCount('error') > 0 && !hasLeft)
    response.emit('error', new ProxyError('PROXY_BAD_REQUEST', error.message, { cause: error }))
  socket.destroy(error)
}

/** Node looks at the time of a head but once. A client that has said more by then is not late. */
function endLater(error: Error, socket: Duplex): void {
  const { server } = socket as Duplex & { server?: Server }
  const expire = () => {
    const { _httpMessage: response } = socket as Duplex & { _httpMessage?: ServerResponse | null }
    if (!response) answerClientError(error, socket)
  }
  const timer = setTimeout(expire, server?.headersTimeout).unref()
  socket.once('close', () => clearTimeout(timer))
}

/** A response where there is no `ServerResponse` to write it. */
function bareResponse(status: number, headers = ''): string {
  const date = new Date().toUTCString()
  const rest = `Date: ${date}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`
  return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${headers}${rest}`
}

/** @throws ProxyError `PROXY_OPTION_INVALID` for callers in plain JavaScript */
export function checkListenAt(at: ListenAt): void {
  const expected =
    'listen: expected a port from 0 to 65535, { port, host, entryPoint }, or { path, entryPoint }'
  const target = typeof at === 'number' ? { port: at } : at
  if (typeof target !== 'object' || target === null)
    throw new ProxyError('PROXY_OPTION_INVALID', `${expected}, found ${describeValue(at)}`)
  onlyKnownOptions(target, ['port', 'host', 'path', 'entryPoint'], 'listen: ')
  const { port, path } = target as { port?: unknown; path?: unknown }
  checkSocketPath(target)
  const isPort = Number.isInteger(port) && (port as number) >= 0 && (port as number) <= 65_535
  if (isPort !== (typeof path === 'string')) return
  throw new ProxyError('PROXY_OPTION_INVALID', `${expected}, found ${JSON.stringify(target)}`)
}

/** One listener of the proxy's own. */
export class Listener {
  readonly #server: Server

  /** @param all of the proxy's listeners; its connections are added */
  constructor(
    handlers: { handler: RequestHandler; upgrade: UpgradeHandler },
    limits: ListenerLimits,
    all = new Set<ClientConnections>(),
  ) {
    this.#server = createServer(serverOptions(limits), handlers.handler)
    this.#server.on('checkContinue', handlers.handler)
    this.#server.on('upgrade', handlers.upgrade)
    this.#server.once('close', limitServer(this.#server, limits, all))
  }

  /** Binds it. @throws whatever node says: a port in use is `EADDRINUSE`; ProxyError `PROXY_CLOSED` */
  async listen(at: ListenAt): Promise<BoundAddress> {
    const target = typeof at === 'number' ? { port: at } : at
    await new Promise<void>((resolve, reject) => {
      // Closed while it is being bound: node then calls neither of the other two.
      this.#server.once('close', () => reject(new ProxyError('PROXY_CLOSED')))
      this.#server.once('error', reject)
      this.#server.listen(target, () => {
        this.#server.off('error', reject)
        // Errors of a bound listener (too many open files) concern one accept, not the process.
        this.#server.on('error', () => {})
        resolve()
      })
    })
    return boundAddress(this.#server.address())
  }

  /** Stops accepting and closes idle connections. Resolves when the last connection is gone. */
  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve())
      this.#server.closeIdleConnections()
    })
  }

  /** Cuts every connection. */
  cut(): void {
    this.#server.closeAllConnections()
  }
}

/** What node says of a bound server, for people and tests. @throws ProxyError `PROXY_CLOSED` if it is bound no more */
export function boundAddress(address: AddressInfo | string | null): BoundAddress {
  if (address === null) throw new ProxyError('PROXY_CLOSED')
  if (typeof address === 'string') return { host: '', port: 0, url: `unix:${address}` }
  const { address: host, port, family } = address
  // A wildcard address is no place to go to; loopback reaches it.
  const reachable = host === '::' || host === '0.0.0.0' ? '127.0.0.1' : family === 'IPv6' ? `[${host}]` : host
  return { host, port, url: `http://${reachable}:${port}` }
}
