import type { Server } from 'node:http'
import { onlyKnownOptions } from '../base/known-options.js'
import type { RequestHandler, UpgradeHandler } from '../engine/client/handlers.js'
import { DataPlane } from '../engine/data-plane.js'
import { ProxyEmitter } from '../engine/events/proxy-emitter.js'
import { warnIfLenient } from '../engine/headers/lenient-parser.js'
import type { RequestExplanation } from '../engine/snapshot.js'
import type { ClientConnections } from '../entry-points/client-connections.js'
import { checkEntryPoint, checkServer } from '../entry-points/listen-checks.js'
import {
  type BoundAddress,
  checkListenAt,
  continueFor,
  type ListenAt,
  Listener,
} from '../entry-points/listener.js'
import { type ListenerLimits, limitServer } from '../entry-points/server-limits.js'
import { describeIssues, ProxyError } from '../model/errors.js'
import type { ShutdownStep } from '../model/events.js'
import type { Provider } from '../model/provider.js'
import { LastGoodFile } from '../providers/last-good-file.js'
import { ProviderSupervisor } from '../providers/provider-supervisor.js'
import { StaticProvider } from '../providers/static-provider.js'
import type { ProviderState } from '../providers/supervised-provider.js'
import type { StatusSource } from '../status/status-source.js'
import { validateConfig } from '../validation/validate-config.js'
import { Observation } from './observation.js'
import { checkOptions, type ProxyOptions } from './proxy-options.js'
import { factsOfSketch, type RequestSketch } from './request-sketch.js'
import { type CloseOptions, Shutdown } from './shutdown.js'

/** What serves, and how each provider stands. */
export interface ProxyState {
  /** 0 before the first. */
  readonly generation: number
  readonly providers: readonly ProviderState[]
  /** The step of the shutdown. Absent before `close`. */
  readonly shutdown?: ShutdownStep
}

/**
 * A reverse proxy whose routes switch over atomically. Made by `createProxy`; a typed emitter of the events in
 * docs/events.md.
 */
export class ReverseProxy extends ProxyEmitter {
  /** For `server.on('request', ...)` and connect-style frameworks. The first request starts the proxy. */
  readonly handler: RequestHandler
  /** For `server.on('upgrade', ...)`, or for a listener of the host's, with a `next`. The first upgrade starts the proxy. */
  readonly upgrade: UpgradeHandler
  /** The status server as a handler, for a server of the host's; needs the option `status`, `{}` at least. */
  readonly statusHandler: RequestHandler
  readonly #engine: DataPlane
  readonly #supervisor: ProviderSupervisor
  readonly #observation: Observation
  readonly #listeners = new Set<Listener>()
  /** Of each listener. */
  readonly #connections = new Set<ClientConnections>()
  readonly #limits: ListenerLimits
  readonly #entryPoints: ProxyOptions['entryPoints']
  readonly #detach: (() => void)[] = []
  readonly #attached = new Set<Server>()
  readonly #shutdown: Shutdown
  #starting: Promise<void> | undefined

  /** @throws ProxyError `PROXY_OPTION_INVALID`, `PROXY_CONFIG_INVALID` */
  constructor(options: ProxyOptions) {
    // Checked in the next line: anything else than 'throw' warns.
    super((options as ProxyOptions | undefined)?.onListenerError)
    checkOptions(options)
    this.#limits = options
    this.#entryPoints = options.entryPoints
    this.#engine = new DataPlane(options, this)
    this.#engine.shedding.closeIdleClients = () =>
      [...this.#connections].filter((connections) => connections.closeIdle()).length > 0
    this.#supervisor = new ProviderSupervisor(
      providersOf(options),
      this.#engine.applyMerged,
      {
        rejected: (event) => this.emit('configRejected', event),
        unavailable: (event) => this.emit('providerUnavailable', event),
        recovered: (event) => this.emit('providerRecovered', event),
      },
      options,
      typeof options.lastGood === 'string' ? new LastGoodFile(options.lastGood) : options.lastGood,
    )
    this.#observation = new Observation(options, this.#seen(), this)
    this.#shutdown = new Shutdown({
      engine: this.#engine,
      listeners: this.#listeners,
      attached: this.#attached,
      stopProviders: () => this.#supervisor.stop(),
      detach: () => {
        for (const detach of this.#detach) detach()
      },
      conclude: () => this.#observation.close(),
      tell: (event) => this.emit('shutdownChanged', event),
    })
    this.statusHandler = this.#observation.handler
    const { handler, upgrade } = this.#handlersFor(undefined)
    this.handler = handler
    this.upgrade = upgrade
    this.#closeOnAbort(options.signal)
  }

  /**
   * Starts the providers; a second call does nothing. `listen`, `attach`, `ready` and the first request call it.
   * Resolves when all have begun; what they deliver goes live later: see `ready`.
   */
  start(): Promise<void> {
    if (this.#isEnding()) return Promise.resolve()
    // Whoever looks on must be there first: what happens at the start is what they are asked about.
    this.#starting ??= this.#observation.open()?.then(() => this.#startProviders()) ?? this.#startProviders()
    return this.#starting
  }

  #startProviders(): Promise<void> {
    return this.#isEnding() ? Promise.resolve() : this.#supervisor.start()
  }

  /** Whether requests are not accepted any more. */
  #isEnding(): boolean {
    const { step } = this.#shutdown
    return step !== undefined && step !== 'accepting'
  }

  /** What a status server sees of it. */
  #seen(): StatusSource {
    return {
      engine: this.#engine,
      providers: () => this.#supervisor.states,
      explain: (request) => this.explain(request),
      shutdown: () => this.#shutdown.step,
    }
  }

  /**
   * Where the status server listens; starts the proxy.
   *
   * @throws what node says if it cannot listen there; ProxyError `PROXY_OPTION_INVALID` without `status.address`, `PROXY_CLOSED`
   */
  async statusAddress(): Promise<BoundAddress> {
    void this.start()
    return this.#observation.address()
  }

  /**
   * Opens the files of the logs anew, after they were moved away; resolves when lines go there. Never rejects: where it
   * fails, lines go on to the file that was there, and a warning of the process says so.
   */
  reopenLogs(): Promise<void> {
    return this.#observation.reopenLogs()
  }

  /**
   * Opens a listener of the proxy's own; may be called several times. Does not wait for a configuration: until the
   * first is live, requests get 503.
   *
   * @throws what node says: a port in use is `EADDRINUSE`; ProxyError `PROXY_CLOSED`; `PROXY_OPTION_INVALID`, also for an
   *   entry point that the option `entryPoints` knows only by a name that is nearly the same
   */
  async listen(at: ListenAt): Promise<BoundAddress> {
    if (this.#shutdown.step) throw new ProxyError('PROXY_CLOSED')
    checkListenAt(at)
    const entryPoint = typeof at === 'number' ? undefined : at.entryPoint
    checkEntryPoint(entryPoint, this.#entryPoints, 'listen')
    void this.start()
    const { lingering } = this.#engine.inFlight
    const listener = new Listener(this.#handlersFor(entryPoint), this.#limits, this.#connections, lingering)
    this.#listeners.add(listener)
    try {
      return await listener.listen(at)
    } catch (error) {
      this.#listeners.delete(listener)
      throw error
    }
  }

  /**
   * Serves on the host's own server of `node:http` or `node:https`: all of its requests and upgrades. `close` takes the
   * handlers off it again, and gives the server its own times back. A server with `insecureHTTPParser` is served with a
   * warning of the process. Upgrades that no frontend matches get 404, unless a listener that came later hears of them.
   *
   * @throws ProxyError `PROXY_CLOSED`; `PROXY_OPTION_INVALID` if the server has a listener of requests or upgrades, for both
   *   would answer, and for HTTP/2 servers and whatever else is no HTTP/1 server
   */
  attach(server: Server, options: { readonly entryPoint?: string } = {}): void {
    if (this.#shutdown.step) throw new ProxyError('PROXY_CLOSED')
    onlyKnownOptions(options, ['entryPoint'], 'attach: ')
    checkEntryPoint(options.entryPoint, this.#entryPoints, 'attach')
    checkServer(server)
    warnIfLenient(server)
    void this.start()
    const { handler, upgrade } = this.#handlersFor(options.entryPoint)
    const onContinue = continueFor(server, handler)
    server.on('request', handler)
    server.on('checkContinue', onContinue)
    server.on('upgrade', upgrade)
    this.#attached.add(server)
    const unlimit = limitServer(server, this.#limits, this.#connections, this.#engine.inFlight.lingering)
    this.#detach.push(() => {
      server.off('request', handler)
      server.off('checkContinue', onContinue)
      server.off('upgrade', upgrade)
      unlimit()
    })
  }

  /**
   * Resolves when every provider's first configuration is live.
   *
   * @param options.timeoutMs default 30,000
   * @throws ProxyError `PROXY_NOT_READY` at the limit, naming each missing provider and its first cause; starting goes on.
   *   What node says if the status server cannot listen, or a log cannot be opened
   */
  async ready(options: { readonly timeoutMs?: number } = {}): Promise<void> {
    onlyKnownOptions(options, ['timeoutMs'], 'ready: ')
    const { timeoutMs = 30_000 } = options
    void this.start()
    await this.#observation.opened()
    await this.#supervisor.ready(timeoutMs)
  }

  /**
   * Which frontend a request would go to, why the others would not have it, and which servers stand behind it.
   *
   * @throws ProxyError `PROXY_NOT_READY`, `PROXY_OPTION_INVALID`
   */
  explain(request: RequestSketch): RequestExplanation {
    return this.#engine.explain(factsOfSketch(request))
  }

  /** What serves now. */
  get state(): ProxyState {
    const { step } = this.#shutdown
    const { generation } = this.#engine
    return { generation, providers: this.#supervisor.states, ...(step && { shutdown: step }) }
  }

  /**
   * Ends everything, step by step; docs/operations.md describes them. Requests are accepted for `acceptMs` (default 0). Then
   * listeners close, providers stop, and requests under way get `drainMs` (default 10,000; 0: none) to finish. What is left is
   * answered with 503 or, in the middle of a response, cut. A second call waits for the first; its options can shorten a step.
   *
   * @throws ProxyError `PROXY_OPTION_INVALID` for callers in plain JavaScript
   */
  close(options: CloseOptions = {}): Promise<void> {
    return this.#shutdown.close(options)
  }

  #closeOnAbort(signal: AbortSignal | undefined): void {
    const close = () => void this.close()
    if (signal?.aborted) close()
    signal?.addEventListener('abort', close, { once: true })
    // A signal may outlive many proxies, and would keep each of them.
    this.#detach.push(() => signal?.removeEventListener('abort', close))
  }

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

/**
 * Makes a proxy. Starts nothing: see `ReverseProxy.start`.
 *
 * @throws ProxyError `PROXY_OPTION_INVALID`; `PROXY_CONFIG_INVALID` if `config` is
 */
export function createProxy(options: ProxyOptions): ReverseProxy {
  return new ReverseProxy(options)
}

function providersOf(options: ProxyOptions): readonly Provider[] {
  const { providers = [], config } = options
  if (config === undefined) return providers
  const checked = validateConfig(config, options)
  if (!checked.ok) {
    throw new ProxyError('PROXY_CONFIG_INVALID', describeIssues(checked.issues), { issues: checked.issues })
  }
  return [new StaticProvider({ config }), ...providers]
}
