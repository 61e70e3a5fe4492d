import type { Server } from 'node:http'
import { onlyKnownOptions } from '../base/known-options.js'
import type { RequestHandler, UpgradeHandler } from '../engine/client/http1/handlers.js'
import { ProxyEmitter } from '../engine/events/proxy-emitter.js'
import type { RequestExplanation } from '../engine/snapshot.js'
import { checkEntryPoints, type EntryPointOptions } from '../entry-points/entry-point-options.js'
import { type BoundAddress, checkListenAt, type ListenAt } from '../entry-points/listen-at.js'
import { ProxyError } from '../model/errors.js'
import type { ServedDigest } from '../providers/live-digest.js'
import { checkOptions } from './check-options.js'
import * as calls from './entry-point-calls.js'
import type { ProxyOptions } from './proxy-options.js'
import { ProxyParts } from './proxy-parts.js'
import type { ProxyState } from './proxy-state.js'
import { factsOfSketch, type RequestSketch } from './request-sketch.js'
import type { CloseOptions } from './shutdown.js'

/**
 * A reverse proxy that replaces all its routes at once when the configuration changes. `createProxy` creates it. It emits the
 * events that docs/events.md describes.
 *
 * @example
 * const proxy = createProxy({ providers: [new FileProvider({ filename: '/etc/switchover/routes.toml' })] })
 * proxy.on('configChanged', ({ generation, version }) => console.log(generation, version))
 * await proxy.listen(8000)
 * await proxy.ready()
 */
export class ReverseProxy extends ProxyEmitter {
  /**
   * The `request` listener for an HTTP server of the application, or the handler for a connect-style framework. The first request
   * starts the proxy.
   *
   * @example createServer(serverOptions(), proxy.handler).listen(8000)
   */
  readonly handler: RequestHandler
  /**
   * The `upgrade` listener for an HTTP server of the application. The first upgrade request starts the proxy.
   *
   * @example server.on('upgrade', proxy.upgrade)
   */
  readonly upgrade: UpgradeHandler
  /**
   * Answers with the pages of the status server, when the application calls it from its own HTTP server. The status server needs
   * the option `status`, for example `{}`. Without that option, the handler calls `next` with an error, or answers 503 if there
   * is no `next`.
   *
   * @example app.use('/proxy', proxy.statusHandler)
   */
  readonly statusHandler: RequestHandler
  readonly #options: ProxyOptions
  readonly #parts: ProxyParts

  /**
   * Creates a proxy. Applications call `createProxy` instead.
   *
   * @throws ProxyError `PROXY_OPTION_INVALID`, `PROXY_CONFIG_INVALID`
   */
  constructor(options: ProxyOptions) {
    // `checkOptions` has not run yet, which refuses wrong values. Until it runs, any value except 'throw' means 'warn'.
    super((options as ProxyOptions | undefined)?.onListenerError)
    checkOptions(options)
    this.#options = options
    this.#parts = new ProxyParts(options, this)
    this.statusHandler = this.#parts.observation.handler
    ;({ handler: this.handler, upgrade: this.upgrade } = this.#parts.handlersFor(undefined))
    this.#parts.shutdown.closeOnAbort(options.signal)
  }

  /**
   * Starts the status server, the logs and the providers. A second call does nothing. `listen`, `attach`, `ready` and the first
   * request call this method.
   *
   * @returns resolves when all providers were started; use `ready` to wait until their configurations are live
   */
  start(): Promise<void> {
    return this.#parts.start()
  }

  /**
   * Returns the address on which the status server listens. Starts the proxy if it has not started.
   *
   * @throws Node's error if the status server cannot listen; ProxyError `PROXY_OPTION_INVALID` without the option
   *   `status.address`; `PROXY_CLOSED`
   * @example const { url } = await proxy.statusAddress()
   */
  async statusAddress(): Promise<BoundAddress> {
    void this.start()
    return this.#parts.observation.address()
  }

  /**
   * Opens the log files again, after a tool such as logrotate has moved them. Never rejects. If a file cannot be opened, the
   * proxy continues to write to the moved file, and emits a process warning.
   *
   * @returns resolves when new log lines go to the new files
   * @example process.on('SIGUSR1', () => void proxy.reopenLogs())
   */
  reopenLogs(): Promise<void> {
    return this.#parts.observation.reopenLogs()
  }

  /**
   * Opens a listener that the proxy itself creates. It may be called several times, for several addresses. Until the first
   * configuration is live, requests get 503.
   *
   * @param at the name of an entry point that has an address in the option `entryPoints`; or a port, or an address
   * @throws Node's error if it cannot listen, such as `EADDRINUSE` for a port in use; ProxyError `PROXY_CLOSED`;
   *   `PROXY_OPTION_INVALID`, also for an entry point whose name nearly equals one of the option `entryPoints`
   * @example
   * await proxy.listen('https')
   * const { port } = await proxy.listen({ host: '127.0.0.1', port: 0, entryPoint: 'http' })
   */
  async listen(at: ListenAt): Promise<BoundAddress> {
    const { shutdown, entryPoints } = this.#parts
    if (shutdown.step) throw new ProxyError('PROXY_CLOSED')
    const listening =
      typeof at === 'string' ? entryPoints.listen(at) : entryPoints.listenAt(checkListenAt(at))
    void this.start()
    return listening
  }

  /**
   * Closes all listeners of an entry point that `listen` has opened. They stop accepting at once. Requests in progress may end,
   * and each connection closes after its response. The other entry points go on. A second call waits for the first one, and its
   * option can shorten the limit.
   *
   * @returns resolves when the last connection has closed
   * @throws ProxyError `PROXY_OPTION_INVALID` if the entry point does not exist
   * @example await proxy.unlisten('https', { drainMs: 5_000 })
   */
  async unlisten(entryPoint: string, options: calls.UnlistenOptions = {}): Promise<void> {
    await this.#parts.entryPoints.unlisten(entryPoint, calls.checkUnlistenOptions(options))
  }

  /**
   * Replaces the option `entryPoints` while the proxy runs, in one step or not at all. Changed options apply to new requests and
   * connections at once. An entry point that listens by its name and has another address is bound there first. Then its old
   * listener closes, as by `unlisten`, and so do those of entry points that are missing in the new table.
   *
   * @returns the addresses of all entry points that listen by their names, when the old listeners have stopped accepting
   * @throws ProxyError `PROXY_OPTION_INVALID`, `PROXY_CLOSED`; Node's error if an address cannot be bound, such as `EADDRINUSE`,
   *   which names the entry point. After an error, all entry points are as before
   * @example await proxy.setEntryPoints({ http: { address: ':8001' }, admin: { address: '127.0.0.1:8002' } }, { listen: ['http'] })
   */
  async setEntryPoints(
    entryPoints: Readonly<Record<string, EntryPointOptions>>,
    options: calls.SetEntryPointsOptions = {},
  ): Promise<Readonly<Record<string, BoundAddress>>> {
    const { listen, drainMs } = calls.checkSetOptions(options)
    const table = checkEntryPoints(entryPoints, this.#options)
    if (this.#parts.shutdown.step) throw new ProxyError('PROXY_CLOSED')
    const replaced = this.#parts.entryPoints.replace(table, listen, drainMs)
    if (listen && listen.length > 0) void this.start()
    return replaced
  }

  /**
   * Returns the request and upgrade listeners for one entry point, for a server of the application. Options of the entry point
   * apply to its requests, but its `limits` do not: give those to `serverOptions`. The first request starts the proxy.
   *
   * @throws ProxyError `PROXY_OPTION_INVALID` for a name that nearly equals one of the option `entryPoints`
   * @example
   * const { handler, upgrade } = proxy.handlersFor('https')
   * createServer(serverOptions(), handler).on('upgrade', upgrade).listen(8443)
   */
  handlersFor(entryPoint: string): { readonly handler: RequestHandler; readonly upgrade: UpgradeHandler } {
    return this.#parts.listeners.checkedHandlersFor(entryPoint)
  }

  /**
   * Serves all requests and upgrades of a `node:http` or `node:https` server that the application created. An upgrade request
   * that no frontend matches gets 404, unless the server has a later `upgrade` listener. If the server has `insecureHTTPParser`,
   * the proxy emits a process warning. `close` removes the proxy's listeners, and restores the server's own limits.
   *
   * @param options.entryPoint the entry point that the server's requests belong to; default: none
   * @throws ProxyError `PROXY_CLOSED`; `PROXY_OPTION_INVALID` if the server is not an HTTP/1 server, or if it already has a
   *   listener of requests or upgrades, because both would answer
   * @example proxy.attach(server, { entryPoint: 'https' })
   */
  attach(server: Server, options: { readonly entryPoint?: string } = {}): void {
    if (this.#parts.shutdown.step) throw new ProxyError('PROXY_CLOSED')
    this.#parts.listeners.checkAttach(server, options)
    void this.start()
    this.#parts.listeners.attach(server, options.entryPoint)
  }

  /**
   * Resolves when the first configuration of every provider is live. Starts the proxy if it has not started.
   *
   * @param options.timeoutMs milliseconds to wait; default 30,000
   * @throws ProxyError `PROXY_NOT_READY` after that time, with the first error of each missing provider; the proxy continues to
   *   start. Node's error if the status server cannot listen or a log file cannot be opened
   * @example await proxy.ready({ timeoutMs: 5_000 })
   */
  async ready(options: { readonly timeoutMs?: number } = {}): Promise<void> {
    onlyKnownOptions(options, ['timeoutMs'], 'ready: ')
    const { timeoutMs = 30_000 } = options
    void this.start()
    await this.#parts.observation.opened()
    await this.#parts.supervisor.ready(timeoutMs)
  }

  /**
   * Returns which frontend would match a request, why the other frontends would not, and the servers of its backend.
   *
   * @throws ProxyError `PROXY_NOT_READY` before the first configuration; `PROXY_OPTION_INVALID`
   * @example proxy.explain({ host: 'www.example.com', path: '/', clientAddress: '10.1.2.3' }).winner?.frontend
   */
  explain(request: RequestSketch): RequestExplanation {
    return this.#parts.engine.explain(factsOfSketch(request))
  }

  /**
   * Computes the digests of the live document of a provider (docs/digest.md), in slices. Entries that did not change since the
   * last call are not computed again.
   *
   * @throws ProxyError `PROXY_OPTION_INVALID` if no provider has that name; `PROXY_NOT_READY` before its first configuration
   * @example const { digest } = await proxy.digest('etcd-alias')
   */
  digest(provider: string): Promise<ServedDigest> {
    return this.#parts.supervisor.digest(provider)
  }

  /** The number of the live configuration, the state of each provider, and the current step of a shutdown. */
  get state(): ProxyState {
    const { step } = this.#parts.shutdown
    const { generation } = this.#parts.engine
    return { generation, providers: this.#parts.supervisor.states, ...(step && { shutdown: step }) }
  }

  /**
   * Shuts the proxy down in steps (docs/operations.md). For `acceptMs` it still accepts requests. Then it closes its listeners
   * and stops the providers. Requests in progress may take `drainMs` to end. After that, a request whose response has not begun
   * gets 503, and other responses are broken off. A second call waits for the first one, and its options can shorten a step.
   *
   * @throws ProxyError `PROXY_OPTION_INVALID` if an option is unknown or has a wrong value
   * @example await proxy.close({ acceptMs: 5_000, drainMs: 30_000 })
   */
  close(options: CloseOptions = {}): Promise<void> {
    return this.#parts.shutdown.close(options)
  }

  /** Closes the proxy at the end of a block that declares it with `await using`, as by `close()` without options. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
