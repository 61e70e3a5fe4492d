import { createServer, type Server } from 'node:http'
import { Server as NetServer, type Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { RequestHandler, UpgradeHandler } from '../engine/client/http1/handlers.js'
import { LingeringClose } from '../engine/client/http1/lingering-close.js'
import { ProxyError } from '../model/errors.js'
import { DEFAULT_LIMITS, type Limits } from '../model/limits.js'
import type { ClientConnections } from './client-connections.js'
import type { ListenTarget } from './entry-point-address.js'
import { LeavingConnections } from './leaving-connections.js'
import { type BoundAddress, boundAddress } from './listen-at.js'
import {
  type ListenerLimits,
  limitServer,
  maxHeaderSizeOf,
  optionsOfServer,
  type ServerLimiter,
} from './server-limits.js'
import { SocketFile } from './socket-file.js'

/** The listeners of an HTTP server that serve requests and upgrades. */
export interface Handlers {
  readonly handler: RequestHandler
  readonly upgrade: UpgradeHandler
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

/** A listener that the proxy itself opens: a `node:http` server with the proxy's limits. */
export class Listener {
  readonly #server: Server
  readonly #limiter: ServerLimiter
  readonly #sockets = new Set<Socket>()
  #handlers: Handlers
  #file: SocketFile | undefined
  /** The connections that end one by one, once the listener no longer accepts. */
  #leaving: LeavingConnections | undefined
  #isClosed = false

  /**
   * Creates the HTTP server, which does not listen yet.
   *
   * @param all the client connections of all listeners of the proxy; this listener adds its own
   * @param lingering the proxy's connections that are closing in stages
   */
  constructor(
    handlers: Handlers,
    limits: ListenerLimits,
    all = new Set<ClientConnections>(),
    lingering = new LingeringClose(DEFAULT_LIMITS),
  ) {
    this.#handlers = handlers
    const server = createServer(optionsOfServer(limits))
    this.#server = server
    const serve: RequestHandler = (req, res) => {
      this.#leaving?.leave(req.socket)
      this.#handlers.handler(req, res)
    }
    server.on('request', serve)
    server.on('checkContinue', serve)
    server.on('upgrade', (req, socket, head) => this.#handlers.upgrade(req, socket, head))
    server.on('connection', (socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
      // The system may have completed a connection just before the listener stopped accepting.
      this.#leaving?.leave(socket)
    })
    this.#limiter = limitServer(server, limits, all, lingering)
    server.once('close', this.#limiter.undo)
  }

  /** The open connections of this listener. */
  get sockets(): ReadonlySet<Socket> {
    return this.#sockets
  }

  /** Lets other handlers serve the requests that begin afterwards, and changes the limits of later connections. */
  change(handlers: Handlers, limits: Partial<Limits>): void {
    this.#handlers = handlers
    // Node reads this property of the server for each new connection.
    Object.assign(this.#server, { maxHeaderSize: maxHeaderSizeOf(limits) })
    this.#limiter.change(limits)
  }

  /**
   * Changes the mode of the socket's file, if the listener is bound to one.
   *
   * @param mode undefined for the mode that the umask of the process left
   * @throws Error of the system
   */
  changeMode(mode: number | undefined): void {
    this.#file?.changeMode(mode)
  }

  /**
   * Binds the listener to an address.
   *
   * @throws the error of Node, such as `EADDRINUSE` for a port in use
   * @throws ProxyError `PROXY_CLOSED` if the listener is closed meanwhile
   */
  async listen(target: ListenTarget): Promise<BoundAddress> {
    if (!('path' in target)) return this.#bind(target)
    const file = await SocketFile.for(target.path, target.mode)
    if (!file) return this.#bind(target)
    try {
      await this.#bind({ path: file.madeAt })
      await file.publish()
    } finally {
      file.discard()
    }
    if (!this.#isClosed) {
      this.#file = file
      return boundAddress(target.path)
    }
    file.remove()
    throw new ProxyError('PROXY_CLOSED')
  }

  async #bind(target: ListenTarget): Promise<BoundAddress> {
    if (this.#isClosed) throw new ProxyError('PROXY_CLOSED')
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
    this.#end()
    await new Promise<void>((resolve) => NetServer.prototype.close.call(this.#server, () => resolve()))
  }

  /**
   * Stops accepting connections, while the proxy goes on. Each open connection closes after its response, or once it is quiet.
   *
   * @returns `stopped` resolves when the address is free again, and `left` when the last connection has closed
   */
  leave(): { readonly stopped: Promise<void>; readonly left: Promise<void> } {
    this.#file?.remove()
    // Waits for one turn of the event loop, in which Node accepts the connections that the system has already completed. Otherwise
    // closing the listener would reset them.
    let closed: Promise<void> | undefined
    const stopped = nextTurn().then(() => {
      this.#leaving ??= new LeavingConnections()
      for (const socket of this.#sockets) this.#leaving.leave(socket)
      closed = this.stopAccepting()
    })
    const left = stopped.then(() => closed)
    return { stopped, left }
  }

  /** Closes all client connections on which no request is in progress. */
  closeIdle(): void {
    this.#server.closeIdleConnections()
  }

  /** Stops accepting connections and closes idle ones. The promise resolves when the last connection has closed. */
  async close(): Promise<void> {
    this.#end()
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve())
      this.closeIdle()
    })
  }

  /** Stops accepting connections and destroys all open ones, even in the middle of a response. */
  cut(): void {
    this.#end()
    // Stops accepting connections. `close` also ends the timer by which Node looks for slow request heads.
    this.#server.close()
    this.#server.closeAllConnections()
    // A tunnel no longer speaks HTTP, so Node does not close it.
    for (const socket of this.#sockets) socket.destroy()
  }

  #end(): void {
    this.#isClosed = true
    this.#file?.remove()
  }
}
