import type { Server } from 'node:http'
import { onlyKnownOptions } from '../base/known-options.js'
import type { RequestHandler, UpgradeHandler } from '../engine/client/http1/handlers.js'
import { warnIfLenient } from '../engine/client/http1/lenient-parser.js'
import type { LingeringClose } from '../engine/client/http1/lingering-close.js'
import type { ClientConnections } from '../entry-points/client-connections.js'
import { checkEntryPoint, checkServer } from '../entry-points/listen-checks.js'
import {
  type BoundAddress,
  checkListenAt,
  continueFor,
  type ListenAt,
  Listener,
} from '../entry-points/listener.js'
import { limitServer } from '../entry-points/server-limits.js'
import type { ProxyOptions } from './proxy-options.js'

/** Returns the request and upgrade listeners for one entry point; `undefined` stands for requests without an entry point. */
type HandlersFor = (entryPoint: string | undefined) => {
  readonly handler: RequestHandler
  readonly upgrade: UpgradeHandler
}

/**
 * The HTTP servers on which clients reach the proxy: its own listeners, and servers that the application created and attached.
 */
export class Listeners {
  readonly own = new Set<Listener>()
  /** HTTP servers of the application, to which the proxy was attached by `attach`. */
  readonly attached = new Set<Server>()
  /** The open client connections, grouped by listener or attached server. */
  readonly #connections = new Set<ClientConnections>()
  readonly #detach: (() => void)[] = []
  readonly #options: Pick<ProxyOptions, 'entryPoints' | 'limits' | 'timeouts'>
  readonly #lingering: LingeringClose
  readonly #handlersFor: HandlersFor

  /**
   * Starts without listeners and attached servers.
   *
   * @param lingering closes client connections in stages; all listeners and servers of the proxy share it
   */
  constructor(options: ProxyOptions, lingering: LingeringClose, handlersFor: HandlersFor) {
    this.#options = options
    this.#lingering = lingering
    this.#handlersFor = handlersFor
  }

  /** Throws if no listener can be opened at this address and entry point. @throws ProxyError `PROXY_OPTION_INVALID` */
  checkListenAt(at: ListenAt): void {
    checkListenAt(at)
    checkEntryPoint(entryPointOf(at), this.#options.entryPoints, 'listen')
  }

  /**
   * Opens a listener that the proxy itself creates.
   *
   * @throws Node's error if it cannot listen at the address, such as `EADDRINUSE`; ProxyError `PROXY_CLOSED`
   */
  async listen(at: ListenAt): Promise<BoundAddress> {
    const handlers = this.#handlersFor(entryPointOf(at))
    const listener = new Listener(handlers, this.#options, this.#connections, this.#lingering)
    this.own.add(listener)
    try {
      return await listener.listen(at)
    } catch (error) {
      this.own.delete(listener)
      throw error
    }
  }

  /** Throws if the proxy cannot be attached to the application's server. @throws ProxyError `PROXY_OPTION_INVALID` */
  checkAttach(server: Server, options: { readonly entryPoint?: string }): void {
    onlyKnownOptions(options, ['entryPoint'], 'attach: ')
    checkEntryPoint(options.entryPoint, this.#options.entryPoints, 'attach')
    checkServer(server)
    warnIfLenient(server)
  }

  /** Adds the proxy's listeners and limits to an HTTP server that the application created. They stay until `detach` is called. */
  attach(server: Server, entryPoint: string | undefined): void {
    const { handler, upgrade } = this.#handlersFor(entryPoint)
    const onContinue = continueFor(server, handler)
    server.on('request', handler)
    server.on('checkContinue', onContinue)
    server.on('upgrade', upgrade)
    this.attached.add(server)
    const unlimit = limitServer(server, this.#options, this.#connections, this.#lingering)
    this.#detach.push(() => {
      server.off('request', handler)
      server.off('checkContinue', onContinue)
      server.off('upgrade', upgrade)
      unlimit()
    })
  }

  /** Removes the proxy's listeners and limits from every attached server. */
  detach(): void {
    for (const detach of this.#detach) detach()
  }

  /**
   * Closes the idle client connections of the address that has the most connections, on each server.
   *
   * @returns whether it closed any
   */
  closeIdleClients(): boolean {
    return [...this.#connections].filter((connections) => connections.closeIdle()).length > 0
  }
}

function entryPointOf(at: ListenAt): string | undefined {
  return typeof at === 'number' ? undefined : at.entryPoint
}
