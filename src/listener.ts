import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { RequestHandler, UpgradeHandler } from './engine/engine-options.js'
import { ProxyError } from './model/errors.js'
import { onlyKnownOptions } from './rules/known-options.js'

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

/** Limits on clients that are slow, in milliseconds. Node's own would hold a silent connection for 90 s. */
const SERVER_OPTIONS = {
  headersTimeout: 10_000,
  connectionsCheckingInterval: 1_000,
  keepAliveTimeout: 65_000,
  // A whole request has no limit: an upload may take as long as it moves.
  requestTimeout: 0,
}

/** @throws ProxyError `PROXY_OPTION_INVALID` for callers in plain JavaScript */
export function checkListenAt(at: ListenAt): void {
  const target = typeof at === 'number' ? { port: at } : at
  onlyKnownOptions(target, ['port', 'host', 'path', 'entryPoint'], 'listen: ')
  const { port, path } = target as { port?: unknown; path?: unknown }
  const isPort = Number.isInteger(port) && (port as number) >= 0 && (port as number) <= 65_535
  if (isPort !== (typeof path === 'string')) return
  throw new ProxyError(
    'PROXY_OPTION_INVALID',
    'listen: expected a port from 0 to 65535, or the path of a Unix socket',
  )
}

/** One listener of the proxy's own. */
export class Listener {
  readonly #server: Server

  constructor(handlers: { handler: RequestHandler; upgrade: UpgradeHandler }) {
    this.#server = createServer(SERVER_OPTIONS, handlers.handler)
    // Node hides all but the first 1,000 from `headers`; the head's size is limit enough, and hides nothing.
    this.#server.maxHeadersCount = 0
    this.#server.on('upgrade', handlers.upgrade)
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

function boundAddress(address: AddressInfo | string | null): BoundAddress {
  if (address === null) throw new ProxyError('PROXY_CLOSED')
  if (typeof address === 'string') return { host: '', port: 0, url: `unix:${address}` }
  const { address: host, port, family } = address
  // A wildcard address is no place to go to; loopback reaches it.
  const reachable = host === '::' || host === '0.0.0.0' ? '127.0.0.1' : family === 'IPv6' ? `[${host}]` : host
  return { host, port, url: `http://${reachable}:${port}` }
}
