import type { Server } from 'node:http'
import { onlyKnownOptions } from '../base/known-options.js'
import { present } from '../base/records.js'
import { warnIfLenient } from '../engine/client/http1/lenient-parser.js'
import type { LingeringClose } from '../engine/client/http1/lingering-close.js'
import type { ClientConnections } from '../entry-points/client-connections.js'
import type { ListenTarget } from '../entry-points/entry-point-address.js'
import type { EntryPointTable } from '../entry-points/entry-point-options.js'
import type { BoundAddress } from '../entry-points/listen-at.js'
import { checkEntryPoint, checkServer } from '../entry-points/listen-checks.js'
import { continueFor, type Handlers, Listener } from '../entry-points/listener.js'
import { limitServer } from '../entry-points/server-limits.js'
import type { ProxyOptions } from './proxy-options.js'

/** Returns the request and upgrade listeners for one entry point; `undefined` stands for requests without an entry point. */
export type HandlersFor = (entryPoint: string | undefined) => Handlers

/** A listener of the proxy, and where it is bound. */
export interface OwnListener {
  readonly listener: Listener
  /** Where it is bound, with the port that it has. */
  readonly target: ListenTarget
  readonly bound: BoundAddress
  /** The entry point that its requests belong to. */
  entryPoint: string | undefined
}

/** A server of the application that the proxy is attached to. */
interface Attached {
  readonly entryPoint: string | undefined
  readonly changeLimits: (limits: NonNullable<ProxyOptions['limits']>) => void
  readonly detach: () => void
}

/**
 * The HTTP servers on which clients reach the proxy: its own listeners, and servers that the application created and attached.
 */
export class Listeners {
  /** The proxy's own listeners, also those that no longer accept and still have connections. */
  readonly own = new Set<Listener>()
  /** HTTP servers of the application, to which the proxy was attached by `attach`. */
  readonly attached = new Set<Server>()
  /** The open client connections, grouped by listener or attached server. */
  readonly #connections = new Set<ClientConnections>()
  readonly #attached: Attached[] = []
  readonly #options: Pick<ProxyOptions, 'limits' | 'timeouts'>
  readonly #lingering: LingeringClose
  readonly #handlersFor: HandlersFor
  #table: EntryPointTable

  /**
   * Starts without listeners and attached servers.
   *
   * @param lingering closes client connections in stages; all listeners and servers of the proxy share it
   */
  constructor(
    options: ProxyOptions,
    table: EntryPointTable,
    lingering: LingeringClose,
    handlersFor: HandlersFor,
  ) {
    this.#options = options
    this.#table = table
    this.#lingering = lingering
    this.#handlersFor = handlersFor
  }

  /**
   * Opens a listener that the proxy itself creates.
   *
   * @throws Node's error if it cannot listen at the target, such as `EADDRINUSE`; ProxyError `PROXY_CLOSED`
   */
  async open(
    target: ListenTarget,
    entryPoint: string | undefined,
    table = this.#table,
  ): Promise<OwnListener> {
    const limits = this.#limitsOf(entryPoint, table)
    const { timeouts } = this.#options
    const given = { limits, ...(timeouts && { timeouts }) }
    const listener = new Listener(this.#handlersFor(entryPoint), given, this.#connections, this.#lingering)
    this.own.add(listener)
    try {
      const bound = await listener.listen(target)
      // Remembers the port that the system has chosen, if the options leave the choice to it.
      return {
        listener,
        target: 'port' in target ? { ...target, port: bound.port } : target,
        entryPoint,
        bound,
      }
    } catch (error) {
      this.own.delete(listener)
      listener.cut()
      throw error
    }
  }

  /** Returns the handlers for a server of the application. @throws ProxyError `PROXY_OPTION_INVALID` for a misspelt name */
  checkedHandlersFor(entryPoint: string): Handlers {
    checkEntryPoint(entryPoint ?? '', this.#table, 'handlersFor')
    return this.#handlersFor(entryPoint)
  }

  /** Throws if the proxy cannot be attached to the application's server. @throws ProxyError `PROXY_OPTION_INVALID` */
  checkAttach(server: Server, options: { readonly entryPoint?: string }): void {
    onlyKnownOptions(options, ['entryPoint'], 'attach: ')
    checkEntryPoint(options.entryPoint, this.#table, 'attach')
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
    const given = { ...this.#options, limits: this.#limitsOf(entryPoint, this.#table) }
    const limiter = limitServer(server, given, this.#connections, this.#lingering)
    const detach = () => {
      server.off('request', handler)
      server.off('checkContinue', onContinue)
      server.off('upgrade', upgrade)
      limiter.undo()
    }
    this.#attached.push({ entryPoint, changeLimits: limiter.change, detach })
  }

  /** Removes the proxy's listeners and limits from every attached server. */
  detach(): void {
    for (const { detach } of this.#attached) detach()
  }

  /**
   * Applies a new table of entry points.
   *
   * @param all the proxy's own listeners that go on
   */
  change(table: EntryPointTable, all: Iterable<OwnListener>): void {
    this.#table = table
    for (const { listener, entryPoint } of all)
      listener.change(this.#handlersFor(entryPoint), this.#limitsOf(entryPoint, table))
    for (const { entryPoint, changeLimits } of this.#attached) changeLimits(this.#limitsOf(entryPoint, table))
  }

  /**
   * Closes the idle client connections of the address that has the most connections, on each server.
   *
   * @returns whether it closed any
   */
  closeIdleClients(): boolean {
    return [...this.#connections].filter((connections) => connections.closeIdle()).length > 0
  }

  #limitsOf(entryPoint: string | undefined, table: EntryPointTable): NonNullable<ProxyOptions['limits']> {
    const own = entryPoint === undefined ? undefined : table.get(entryPoint)
    return { ...this.#options.limits, ...present(own?.limits ?? {}) }
  }
}
