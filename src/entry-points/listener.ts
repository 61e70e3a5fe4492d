import { createServer, type Server } from 'node:http'
import { type AddressInfo, Server as NetServer } from 'node:net'
import { onlyKnownOptions } from '../base/known-options.js'
import { describeValue } from '../base/messages.js'
import type { RequestHandler, UpgradeHandler } from '../engine/client/handlers.js'
import { LingeringClose } from '../engine/client/lingering-close.js'
import { ProxyError } from '../model/errors.js'
import { DEFAULT_LIMITS } from '../model/limits.js'
import type { ClientConnections } from './client-connections.js'
import { checkSocketPath } from './listen-checks.js'
import { type ListenerLimits, limitServer, optionsOfServer } from './server-limits.js'

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

/**
 * A listener of `checkContinue` beside the proxy's of `request`. Socket.IO puts a listener of its own in the place of those of
 * `request`, and calls them for what is not its own: it must hear of these requests as well.
 */
export function continueFor(server: Server, handler: RequestHandler): RequestHandler {
  return (req, res) => {
    if (server.listeners('request').includes(handler)) return handler(req, res)
    res.writeContinue()
    server.emit('request', req, res)
  }
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

  /**
   * @param all of the proxy's listeners; its connections are added
   * @param lingering the proxy's connections that are being closed
   */
  constructor(
    handlers: { handler: RequestHandler; upgrade: UpgradeHandler },
    limits: ListenerLimits,
    all = new Set<ClientConnections>(),
    lingering = new LingeringClose(DEFAULT_LIMITS),
  ) {
    this.#server = createServer(optionsOfServer(limits), handlers.handler)
    this.#server.on('checkContinue', handlers.handler)
    this.#server.on('upgrade', handlers.upgrade)
    this.#server.once('close', limitServer(this.#server, limits, all, lingering))
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

  /**
   * Stops accepting, and leaves the connections that there are as they are: `node:http` would close idle ones at once, and lose
   * what is on its way on them. Resolves when the last connection is gone.
   */
  async stopAccepting(): Promise<void> {
    await new Promise<void>((resolve) => NetServer.prototype.close.call(this.#server, () => resolve()))
  }

  closeIdle(): void {
    this.#server.closeIdleConnections()
  }

  /** Stops accepting and closes idle connections. Resolves when the last connection is gone. */
  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve())
      this.closeIdle()
    })
  }

  /** Cuts every connection. */
  cut(): void {
    // This also ends node's watch over heads that do not come.
    this.#server.close()
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
