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

/**
 * Where to listen: a port, a port with a host and the name of an entry point, or a Unix socket.
 *
 * @example { port: 8443, host: '127.0.0.1', entryPoint: 'internal' }
 */
export type ListenAt =
  | number
  | {
      /** The port. 0: any free port. */
      readonly port: number
      /** The address to listen on. @default all addresses */
      readonly host?: string
      /** The name under which frontends and the option `entryPoints` know the listener. @default no name */
      readonly entryPoint?: string
    }
  | {
      /** The path of a Unix socket. */
      readonly path: string
      /** The name under which frontends and the option `entryPoints` know the listener. @default no name */
      readonly entryPoint?: string
    }

/** The address to which a listener is bound. */
export interface BoundAddress {
  /** The IP address. `''` for a Unix socket. */
  readonly host: string
  /** The port. 0 for a Unix socket. */
  readonly port: number
  /** A URL for people and tests, such as `http://127.0.0.1:8000` or `unix:/path`. */
  readonly url: string
}

/**
 * Returns a listener of `checkContinue` for a server on which the proxy's handler listens to `request`. Socket.IO replaces the
 * listeners of `request` by its own, which calls them for other requests. Socket.IO must get requests with
 * `Expect: 100-continue` too.
 */
export function continueFor(server: Server, handler: RequestHandler): RequestHandler {
  return (req, res) => {
    if (server.listeners('request').includes(handler)) return handler(req, res)
    res.writeContinue()
    server.emit('request', req, res)
  }
}

/** Checks the argument of `listen`. @throws ProxyError `PROXY_OPTION_INVALID` for callers in plain JavaScript */
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

/** A listener of the proxy's own: a `node:http` server with the proxy's limits. */
export class Listener {
  readonly #server: Server

  /**
   * @param all the connections of all listeners of the proxy; this listener adds its own
   * @param lingering the proxy's connections that close in stages
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

  /** Binds the listener. @throws the error of Node, such as `EADDRINUSE` for a port in use; ProxyError `PROXY_CLOSED` */
  async listen(at: ListenAt): Promise<BoundAddress> {
    const target = typeof at === 'number' ? { port: at } : at
    await new Promise<void>((resolve, reject) => {
      // If the listener is closed while it is being bound, Node emits neither `error` nor `listening`.
      this.#server.once('close', () => reject(new ProxyError('PROXY_CLOSED')))
      this.#server.once('error', reject)
      this.#server.listen(target, () => {
        this.#server.off('error', reject)
        // An error of a bound listener, such as too many open files, concerns one new connection, not the process.
        this.#server.on('error', () => {})
        resolve()
      })
    })
    return boundAddress(this.#server.address())
  }

  /**
   * Stops accepting and keeps all open connections. The `close` of `node:http` would close idle ones at once and lose requests
   * that are on their way.
   *
   * @returns resolves when the last connection has closed
   */
  async stopAccepting(): Promise<void> {
    await new Promise<void>((resolve) => NetServer.prototype.close.call(this.#server, () => resolve()))
  }

  /** Closes all connections without a request. */
  closeIdle(): void {
    this.#server.closeIdleConnections()
  }

  /** Stops accepting and closes idle connections. Resolves when the last connection has closed. */
  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve())
      this.closeIdle()
    })
  }

  /** Cuts all connections. */
  cut(): void {
    // `close` also ends the timer by which Node looks for slow request heads.
    this.#server.close()
    this.#server.closeAllConnections()
  }
}

/** Returns the address of a bound server, given Node's form of it. @throws ProxyError `PROXY_CLOSED` without one */
export function boundAddress(address: AddressInfo | string | null): BoundAddress {
  if (address === null) throw new ProxyError('PROXY_CLOSED')
  if (typeof address === 'string') return { host: '', port: 0, url: `unix:${address}` }
  const { address: host, port, family } = address
  // A client cannot connect to a wildcard address, but loopback reaches the listener.
  const reachable = host === '::' || host === '0.0.0.0' ? '127.0.0.1' : family === 'IPv6' ? `[${host}]` : host
  return { host, port, url: `http://${reachable}:${port}` }
}
