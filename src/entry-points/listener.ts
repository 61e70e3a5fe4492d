import { createServer, type Server } from 'node:http'
import { type AddressInfo, Server as NetServer } from 'node:net'
import { onlyKnownOptions } from '../base/known-options.js'
import { describeValue } from '../base/messages.js'
import type { RequestHandler, UpgradeHandler } from '../engine/client/http1/handlers.js'
import { LingeringClose } from '../engine/client/http1/lingering-close.js'
import { ProxyError } from '../model/errors.js'
import { DEFAULT_LIMITS } from '../model/limits.js'
import type { ClientConnections } from './client-connections.js'
import { checkSocketPath } from './listen-checks.js'
import { type ListenerLimits, limitServer, optionsOfServer } from './server-limits.js'

/**
 * Where to listen: a TCP port, a port with an address and the name of an entry point, or the path of a Unix socket.
 *
 * @example { port: 8443, host: '127.0.0.1', entryPoint: 'internal' }
 */
export type ListenAt =
  | number
  | {
      /** The TCP port. 0 means any free port. */
      readonly port: number
      /** The IP address or host name to listen on. @default all addresses */
      readonly host?: string
      /** The name of the entry point, as frontends and the option `entryPoints` write it. @default no name */
      readonly entryPoint?: string
    }
  | {
      /** The path of a Unix socket. */
      readonly path: string
      /** The name of the entry point, as frontends and the option `entryPoints` write it. @default no name */
      readonly entryPoint?: string
    }

/** The address to which a listener is bound. */
export interface BoundAddress {
  /** The IP address. `''` for a Unix socket. */
  readonly host: string
  /** The port. 0 for a Unix socket. */
  readonly port: number
  /** The address as a URL for people and tests, such as `http://127.0.0.1:8000` or `unix:/path`. */
  readonly url: string
}

/**
 * Returns a listener for the `checkContinue` event of a server whose `request` event has the proxy's
 * handler as a listener. Socket.IO replaces all `request` listeners by one that calls them only for
 * requests that are not for Socket.IO. Socket.IO must get requests with `Expect: 100-continue` too.
 */
export function continueFor(server: Server, handler: RequestHandler): RequestHandler {
  return (req, res) => {
    if (server.listeners('request').includes(handler)) return handler(req, res)
    res.writeContinue()
    server.emit('request', req, res)
  }
}

/** Checks the argument of `listen`. @throws ProxyError `PROXY_OPTION_INVALID` if it is not a port or an address */
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

/** A listener that the proxy itself opens: a `node:http` server with the proxy's limits. */
export class Listener {
  readonly #server: Server

  /**
   * Creates the HTTP server, which does not listen yet.
   *
   * @param all the client connections of all listeners of the proxy; this listener adds its own
   * @param lingering the proxy's connections that are closing in stages
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

  /**
   * Binds the listener to an address.
   *
   * @throws the error of Node, such as `EADDRINUSE` for a port in use
   * @throws ProxyError `PROXY_CLOSED` if the listener is closed meanwhile
   */
  async listen(at: ListenAt): Promise<BoundAddress> {
    const target = typeof at === 'number' ? { port: at } : at
    await new Promise<void>((resolve, reject) => {
      // Rejects if the listener is closed while it is being bound. Node emits neither `error` nor `listening` in this case.
      this.#server.once('close', () => reject(new ProxyError('PROXY_CLOSED')))
      this.#server.once('error', reject)
      this.#server.listen(target, () => {
        this.#server.off('error', reject)
        // Ignores errors of a bound listener, such as too many open files. They concern one new connection, not the process.
        this.#server.on('error', () => {})
        resolve()
      })
    })
    return boundAddress(this.#server.address())
  }

  /**
   * Stops accepting connections and keeps all open connections. The method `close` of a `node:http`
   * server would close idle connections at once, and lose requests that are on their way.
   *
   * @returns a promise that resolves when the last connection has closed
   */
  async stopAccepting(): Promise<void> {
    await new Promise<void>((resolve) => NetServer.prototype.close.call(this.#server, () => resolve()))
  }

  /** Closes all client connections on which no request is in progress. */
  closeIdle(): void {
    this.#server.closeIdleConnections()
  }

  /** Stops accepting connections and closes idle ones. The promise resolves when the last connection has closed. */
  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve())
      this.closeIdle()
    })
  }

  /** Stops accepting connections and destroys all open ones, even in the middle of a response. */
  cut(): void {
    // Stops accepting connections. `close` also ends the timer by which Node looks for slow request heads.
    this.#server.close()
    this.#server.closeAllConnections()
  }
}

/** Converts the address of a bound server from Node's form. @throws ProxyError `PROXY_CLOSED` if there is no address */
export function boundAddress(address: AddressInfo | string | null): BoundAddress {
  if (address === null) throw new ProxyError('PROXY_CLOSED')
  if (typeof address === 'string') return { host: '', port: 0, url: `unix:${address}` }
  const { address: host, port, family } = address
  // The host part of the URL. A client cannot connect to a wildcard
  // address such as `0.0.0.0`, but loopback reaches the listener.
  const reachable = host === '::' || host === '0.0.0.0' ? '127.0.0.1' : family === 'IPv6' ? `[${host}]` : host
  return { host, port, url: `http://${reachable}:${port}` }
}
