import type { Server } from 'node:http'
import { onlyKnownOptions } from '../base/known-options.js'
import type { RequestHandler, UpgradeHandler } from '../engine/client/http1/handlers.js'
import { DataPlane } from '../engine/data-plane.js'
import { ProxyEmitter } from '../engine/events/proxy-emitter.js'
import type { RequestExplanation } from '../engine/snapshot.js'
import type { BoundAddress, ListenAt } from '../entry-points/listener.js'
import { ProxyError } from '../model/errors.js'
import { LastGoodFile } from '../providers/last-good-file.js'
import type { ServedDigest } from '../providers/live-digest.js'
import { ProviderSupervisor } from '../providers/provider-supervisor.js'
import type { StatusSource } from '../status/status-source.js'
import { checkOptions } from './check-options.js'
import { Listeners } from './listeners.js'
import { Observation } from './observation.js'
import { providersOfOptions } from './providers-of-options.js'
import type { ProxyOptions } from './proxy-options.js'
import type { ProxyState } from './proxy-state.js'
import { factsOfSketch, type RequestSketch } from './request-sketch.js'
import { type CloseOptions, Shutdown } from './shutdown.js'
import { type Handlers, startedBy } from './started-by.js'

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
  readonly #engine: DataPlane
  readonly #supervisor: ProviderSupervisor
  readonly #observation: Observation
  readonly #listeners: Listeners
  readonly #shutdown: Shutdown
  #starting: Promise<void> | undefined

  /**
   * Creates a proxy. Applications call `createProxy` instead.
   *
   * @throws ProxyError `PROXY_OPTION_INVALID`, `PROXY_CONFIG_INVALID`
   */
  constructor(options: ProxyOptions) {
    // `checkOptions` has not run yet, which refuses wrong values. Until it runs, any value except 'throw' means 'warn'.
    super((options as ProxyOptions | undefined)?.onListenerError)
    checkOptions(options)
    this.#engine = new DataPlane(options, this)
    const { lingering } = this.#engine
    this.#listeners = new Listeners(options, lingering, (entryPoint) => this.#handlersFor(entryPoint))
    this.#engine.shedding.closeIdleClients = () => this.#listeners.closeIdleClients()
    this.#supervisor = new ProviderSupervisor(
      providersOfOptions(options),
      this.#engine.applyMerged,
      {
        rejected: (event) => this.emit('configRejected', event),
        unavailable: (event) => this.emit('providerUnavailable', event),
        recovered: (event) => this.emit('providerRecovered', event),
      },
      options,
      typeof options.lastGood === 'string' ? new LastGoodFile(options.lastGood) : options.lastGood,
    )
    const source: StatusSource = {
      engine: this.#engine,
      providers: () => this.#supervisor.states,
      explain: (request) => this.explain(request),
      shutdown: () => this.#shutdown.step,
    }
    this.#observation = new Observation(options, source, this)
    this.#shutdown = new Shutdown({
      engine: this.#engine,
      listeners: this.#listeners.own,
      attached: this.#listeners.attached,
      stopProviders: () => this.#supervisor.stop(),
      detach: () => this.#listeners.detach(),
      endObservation: () => this.#observation.close(),
      tell: (event) => this.emit('shutdownChanged', event),
    })
    this.statusHandler = this.#observation.handler
    ;({ handler: this.handler, upgrade: this.upgrade } = this.#handlersFor(undefined))
    this.#shutdown.closeOnAbort(options.signal)
  }

  /**
   * Starts the status server, the logs and the providers. A second call does nothing. `listen`, `attach`, `ready` and the first
   * request call this method.
   *
   * @returns resolves when all providers were started; use `ready` to wait until their configurations are live
   */
  start(): Promise<void> {
    if (this.#isEnding()) return Promise.resolve()
    // Open the status server and the logs before the providers start, so that operators can see what happens at the start.
    this.#starting ??= this.#observation.open()?.then(() => this.#startProviders()) ?? this.#startProviders()
    return this.#starting
  }

  #startProviders(): Promise<void> {
    return this.#isEnding() ? Promise.resolve() : this.#supervisor.start()
  }

  /** Whether the shutdown has reached a step in which the proxy accepts no new requests. */
  #isEnding(): boolean {
    const { step } = this.#shutdown
    return step !== undefined && step !== 'accepting'
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
    return this.#observation.address()
  }

  /**
   * Opens the log files again, after a tool such as logrotate has moved them. Never rejects. If a file cannot be opened, the
   * proxy continues to write to the moved file, and emits a process warning.
   *
   * @returns resolves when new log lines go to the new files
   * @example process.on('SIGUSR1', () => void proxy.reopenLogs())
   */
  reopenLogs(): Promise<void> {
    return this.#observation.reopenLogs()
  }

  /**
   * Opens a listener that the proxy itself creates. It may be called several times, for several addresses. Until the first
   * configuration is live, requests get 503.
   *
   * @throws Node's error if it cannot listen, such as `EADDRINUSE` for a port in use; ProxyError `PROXY_CLOSED`;
   *   `PROXY_OPTION_INVALID`, also for an entry point whose name nearly equals one of the option `entryPoints`
   * @example const { port } = await proxy.listen({ host: '127.0.0.1', port: 0, entryPoint: 'http' })
   */
  async listen(at: ListenAt): Promise<BoundAddress> {
    if (this.#shutdown.step) throw new ProxyError('PROXY_CLOSED')
    this.#listeners.checkListenAt(at)
    void this.start()
    return this.#listeners.listen(at)
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
    if (this.#shutdown.step) throw new ProxyError('PROXY_CLOSED')
    this.#listeners.checkAttach(server, options)
    void this.start()
    this.#listeners.attach(server, options.entryPoint)
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
    await this.#observation.opened()
    await this.#supervisor.ready(timeoutMs)
  }

  /**
   * Returns which frontend would match a request, why the other frontends would not, and the servers of its backend.
   *
   * @throws ProxyError `PROXY_NOT_READY` before the first configuration; `PROXY_OPTION_INVALID`
   * @example proxy.explain({ host: 'www.example.com', path: '/', clientAddress: '10.1.2.3' }).winner?.frontend
   */
  explain(request: RequestSketch): RequestExplanation {
    return this.#engine.explain(factsOfSketch(request))
  }

  /**
   * Computes the digests of the live document of a provider (docs/digest.md), in slices. Entries that did not change since the
   * last call are not computed again.
   *
   * @throws ProxyError `PROXY_OPTION_INVALID` if no provider has that name; `PROXY_NOT_READY` before its first configuration
   * @example const { digest } = await proxy.digest('etcd-alias')
   */
  digest(provider: string): Promise<ServedDigest> {
    return this.#supervisor.digest(provider)
  }

  /** The number of the live configuration, the state of each provider, and the current step of a shutdown. */
  get state(): ProxyState {
    const { step } = this.#shutdown
    const { generation } = this.#engine
    return { generation, providers: this.#supervisor.states, ...(step && { shutdown: step }) }
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
    return this.#shutdown.close(options)
  }

  /** Closes the proxy at the end of a block that declares it with `await using`, as by `close()` without options. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #handlersFor(entryPoint: string | undefined): Handlers {
    return startedBy(this.#engine.handlersFor(entryPoint), () => void this.start())
  }
}
