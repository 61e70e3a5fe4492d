import type { Server } from 'node:http'
import { onlyKnownOptions } from '../base/known-options.js'
import type { RequestHandler, UpgradeHandler } from '../engine/client/handlers.js'
import { DataPlane } from '../engine/data-plane.js'
import { ProxyEmitter } from '../engine/events/proxy-emitter.js'
import type { RequestExplanation } from '../engine/snapshot.js'
import type { BoundAddress, ListenAt } from '../entry-points/listener.js'
import { ProxyError } from '../model/errors.js'
import { LastGoodFile } from '../providers/last-good-file.js'
import { ProviderSupervisor } from '../providers/provider-supervisor.js'
import type { StatusSource } from '../status/status-source.js'
import { Listeners } from './listeners.js'
import { Observation } from './observation.js'
import { providersOfOptions } from './providers-of-options.js'
import { checkOptions, type ProxyOptions } from './proxy-options.js'
import type { ProxyState } from './proxy-state.js'
import { factsOfSketch, type RequestSketch } from './request-sketch.js'
import { type CloseOptions, Shutdown } from './shutdown.js'

/**
 * A reverse proxy whose routes switch over atomically. `createProxy` makes it. It is a typed emitter of the events in
 * docs/events.md.
 *
 * @example
 * const proxy = createProxy({ providers: [new FileProvider({ filename: '/etc/switchover/routes.toml' })] })
 * proxy.on('configChanged', ({ generation, version }) => console.log(generation, version))
 * await proxy.listen(8000)
 * await proxy.ready()
 */
export class ReverseProxy extends ProxyEmitter {
  /**
   * Serves requests of a server of the host's code, or of a connect-style framework. The first request starts the proxy.
   *
   * @example createServer(serverOptions(), proxy.handler).listen(8000)
   */
  readonly handler: RequestHandler
  /**
   * Serves upgrade requests of a server of the host's code. The first one starts the proxy.
   *
   * @example server.on('upgrade', proxy.upgrade)
   */
  readonly upgrade: UpgradeHandler
  /**
   * Answers with the pages of the status server, in a server of the host's code. It needs the option `status`; `{}` is enough.
   * Without that option it calls `next` with the error, or answers 503 if there is no `next`.
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
   * Makes a proxy, as `createProxy` does.
   *
   * @throws ProxyError `PROXY_OPTION_INVALID`, `PROXY_CONFIG_INVALID`
   */
  constructor(options: ProxyOptions) {
    // checkOptions refuses other values in the next line; until then, any value but 'throw' means 'warn'.
    super((options as ProxyOptions | undefined)?.onListenerError)
    checkOptions(options)
    this.#engine = new DataPlane(options, this)
    const { lingering } = this.#engine.inFlight
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
   * request call it.
   *
   * @returns resolves when all providers have begun; what they deliver goes live later: see `ready`
   */
  start(): Promise<void> {
    if (this.#isEnding()) return Promise.resolve()
    // The status server and the logs come first: people read in them what happened at the start.
    this.#starting ??= this.#observation.open()?.then(() => this.#startProviders()) ?? this.#startProviders()
    return this.#starting
  }

  #startProviders(): Promise<void> {
    return this.#isEnding() ? Promise.resolve() : this.#supervisor.start()
  }

  /** Whether the shutdown has come so far that the proxy accepts no new requests. */
  #isEnding(): boolean {
    const { step } = this.#shutdown
    return step !== undefined && step !== 'accepting'
  }

  /**
   * Returns where the status server listens. Starts the proxy.
   *
   * @throws the error of Node if the status server cannot listen; ProxyError `PROXY_OPTION_INVALID` without the option
   *   `status.address`; `PROXY_CLOSED`
   * @example const { url } = await proxy.statusAddress()
   */
  async statusAddress(): Promise<BoundAddress> {
    void this.start()
    return this.#observation.address()
  }

  /**
   * Opens the log files again after a tool such as logrotate has moved them away. Never rejects. If a file cannot be opened,
   * the proxy goes on writing to the old file, and a warning of the process says so.
   *
   * @returns resolves when lines go to the new files
   * @example process.on('SIGUSR1', () => void proxy.reopenLogs())
   */
  reopenLogs(): Promise<void> {
    return this.#observation.reopenLogs()
  }

  /**
   * Opens a listener of the proxy's own. It may be called several times. It does not wait for a configuration: until the
   * first one is live, requests get 503.
   *
   * @throws the error of Node if it cannot listen, such as `EADDRINUSE` for a port in use; ProxyError `PROXY_CLOSED`;
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
   * Serves all requests and upgrades of a `node:http` or `node:https` server of the host's code. `close` takes the handlers
   * off it again and gives the server its own times back. A server with `insecureHTTPParser` causes a warning of the process. An
   * upgrade that no frontend matches gets 404, unless the server has a later listener for it.
   *
   * @param options.entryPoint the name under which frontends and the option `entryPoints` know the server; default: no name
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
   * Resolves when the first configuration of every provider is live. Starts the proxy.
   *
   * @param options.timeoutMs milliseconds to wait; default 30,000
   * @throws ProxyError `PROXY_NOT_READY` at the limit, which names each missing provider with the first cause; the start goes on.
   *   The error of Node if the status server cannot listen or a log file cannot be opened
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
   * Returns the frontend that a request would go to, why the other frontends would not take it, and the servers behind it.
   *
   * @throws ProxyError `PROXY_NOT_READY` before the first configuration; `PROXY_OPTION_INVALID`
   * @example proxy.explain({ host: 'www.example.com', path: '/', clientAddress: '10.1.2.3' }).winner?.frontend
   */
  explain(request: RequestSketch): RequestExplanation {
    return this.#engine.explain(factsOfSketch(request))
  }

  /** The generation that serves now, the state of each provider, and the step of a shutdown. */
  get state(): ProxyState {
    const { step } = this.#shutdown
    const { generation } = this.#engine
    return { generation, providers: this.#supervisor.states, ...(step && { shutdown: step }) }
  }

  /**
   * Shuts down step by step (docs/operations.md). For `acceptMs` the proxy still accepts requests. Then it closes its listeners
   * and stops the providers. Requests in progress get `drainMs` to end. After that the proxy answers them with 503, or cuts a
   * response that has begun. A second call waits for the first one, and its options can shorten a step.
   *
   * @throws ProxyError `PROXY_OPTION_INVALID` for callers in plain JavaScript
   * @example await proxy.close({ acceptMs: 5_000, drainMs: 30_000 })
   */
  close(options: CloseOptions = {}): Promise<void> {
    return this.#shutdown.close(options)
  }

  /** Closes the proxy with the defaults of `close`, at the end of a block with `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #handlersFor(entryPoint: string | undefined): { handler: RequestHandler; upgrade: UpgradeHandler } {
    const { handler, upgrade } = this.#engine.handlersFor(entryPoint)
    return {
      handler: (req, res, next) => {
        void this.start()
        handler(req, res, next)
      },
      upgrade: (req, socket, head, next) => {
        void this.start()
        upgrade(req, socket, head, next)
      },
    }
  }
}
