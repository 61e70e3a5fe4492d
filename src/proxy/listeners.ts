import type { Server } from 'node:http'
import { onlyKnownOptions } from '../base/known-options.js'
import type { RequestHandler, UpgradeHandler } from '../engine/client/handlers.js'
import type { LingeringClose } from '../engine/client/lingering-close.js'
import { warnIfLenient } from '../engine/headers/lenient-parser.js'
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

/** Returns the handlers of an entry point; `undefined` stands for a listener without a name. */
type HandlersFor = (entryPoint: string | undefined) => {
  readonly handler: RequestHandler
  readonly upgrade: UpgradeHandler
}

/** The servers on which clients reach a proxy: its own listeners, and servers of the host's code that it is attached to. */
export class Listeners {
  readonly own = new Set<Listener>()
  /** Servers of the host's code. */
  readonly attached = new Set<Server>()
  /** The client connections of each listener and of each attached server. */
  readonly #connections = new Set<ClientConnections>()
  readonly #detach: (() => void)[] = []
  readonly #options: Pick<ProxyOptions, 'entryPoints' | 'limits' | 'timeouts'>
  readonly #lingering: LingeringClose
  readonly #handlersFor: HandlersFor

  /** @param lingering the connections of the whole proxy that close in stages */
  constructor(options: ProxyOptions, lingering: LingeringClose, handlersFor: HandlersFor) {
    this.#options = options
    this.#lingering = lingering
    this.#handlersFor = handlersFor
  }

  /** Throws unless a listener can be opened there. @throws ProxyError `PROXY_OPTION_INVALID` */
  checkListenAt(at: ListenAt): void {
    checkListenAt(at)
    checkEntryPoint(entryPointOf(at), this.#options.entryPoints, 'listen')
  }

  /** Opens a listener of the proxy's own. @throws the error of Node if it cannot listen there; ProxyError `PROXY_CLOSED` */
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

  /** Throws unless the proxy can be attached to the server. @throws ProxyError `PROXY_OPTION_INVALID` */
  checkAttach(server: Server, options: { readonly entryPoint?: string }): void {
    onlyKnownOptions(options, ['entryPoint'], 'attach: ')
    checkEntryPoint(options.entryPoint, this.#options.entryPoints, 'attach')
    checkServer(server)
    warnIfLenient(server)
  }

  /** Serves the requests and upgrades of the host's server until `detach`. */
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

  /** Takes the proxy's handlers and limits off every attached server. */
  detach(): void {
    for (const detach of this.#detach) detach()
  }

  /** Closes the idle client connections of the address with the most, on each server. @returns whether it closed any */
  closeIdleClients(): boolean {
    return [...this.#connections].filter((connections) => connections.closeIdle()).length > 0
  }
}

function entryPointOf(at: ListenAt): string | undefined {
  return typeof at === 'number' ? undefined : at.entryPoint
}
