import type { IncomingMessage } from 'node:http'
import type { OwnPages } from '../engine/client/http1/intake.js'
import { DataPlane } from '../engine/data-plane.js'
import type { ProxyEmitter } from '../engine/events/proxy-emitter.js'
import { checkEntryPoints } from '../entry-points/entry-point-options.js'
import { engineOptionsOf } from '../entry-points/entry-point-table.js'
import type { Handlers } from '../entry-points/listener.js'
import { LastGoodFile } from '../providers/last-good-file.js'
import { ProviderSupervisor } from '../providers/provider-supervisor.js'
import { isStatusPage } from '../status/entry-point-pages.js'
import { EntryPoints } from './entry-points.js'
import { Listeners } from './listeners.js'
import { Observation } from './observation.js'
import { providersOfOptions } from './providers-of-options.js'
import type { ProxyOptions } from './proxy-options.js'
import { factsOfSketch } from './request-sketch.js'
import { Shutdown } from './shutdown.js'
import { startedBy } from './started-by.js'

/** The parts of a proxy, put together. `ReverseProxy` shows what an application may do with them. */
export class ProxyParts {
  readonly engine: DataPlane
  readonly supervisor: ProviderSupervisor
  readonly observation: Observation
  readonly listeners: Listeners
  readonly entryPoints: EntryPoints
  readonly shutdown: Shutdown
  #starting: Promise<void> | undefined

  /**
   * Creates all parts. Nothing is started yet.
   *
   * @param options checked already
   * @param events gets the events of all parts
   * @throws ProxyError `PROXY_OPTION_INVALID`, `PROXY_CONFIG_INVALID`
   */
  constructor(options: ProxyOptions, events: ProxyEmitter) {
    const table = checkEntryPoints(options.entryPoints ?? {}, options)
    this.engine = new DataPlane({ ...options, entryPoints: engineOptionsOf(table) }, events)
    const { lingering } = this.engine
    this.listeners = new Listeners(options, table, lingering, (entryPoint) => this.handlersFor(entryPoint))
    this.engine.shedding.closeIdleClients = () => this.listeners.closeIdleClients()
    this.supervisor = new ProviderSupervisor(
      providersOfOptions(options),
      this.engine.applyMerged,
      {
        rejected: (event) => events.emit('configRejected', event),
        unavailable: (event) => events.emit('providerUnavailable', event),
        recovered: (event) => events.emit('providerRecovered', event),
      },
      options,
      typeof options.lastGood === 'string' ? new LastGoodFile(options.lastGood) : options.lastGood,
    )
    const source = {
      engine: this.engine,
      providers: () => this.supervisor.states,
      explain: (request: Parameters<typeof factsOfSketch>[0]) => this.engine.explain(factsOfSketch(request)),
      shutdown: () => this.shutdown.step,
    }
    this.observation = new Observation(options, source, events)
    this.shutdown = new Shutdown({
      engine: this.engine,
      listeners: this.listeners.own,
      attached: this.listeners.attached,
      stopProviders: () => this.supervisor.stop(),
      detach: () => this.listeners.detach(),
      endObservation: () => this.observation.close(),
      tell: (event) => events.emit('shutdownChanged', event),
    })
    this.entryPoints = new EntryPoints(table, {
      engine: this.engine,
      listeners: this.listeners,
      isClosing: () => this.shutdown.step !== undefined,
    })
  }

  /** Starts the status server, the logs and the providers. A second call waits for the first one. */
  start(): Promise<void> {
    if (this.#isEnding()) return Promise.resolve()
    // Open the status server and the logs before the providers start, so that operators can see what happens at the start.
    this.#starting ??= this.observation.open()?.then(() => this.#startProviders()) ?? this.#startProviders()
    return this.#starting
  }

  /** Returns the listeners of requests and upgrades for one entry point. The first request starts the proxy. */
  handlersFor(entryPoint: string | undefined): Handlers {
    const pages = entryPoint === undefined ? undefined : this.#pagesOf(entryPoint)
    return startedBy(this.engine.handlersFor(entryPoint, pages), () => void this.start())
  }

  /** Returns the pages of the status server that an entry point answers before its frontends. */
  #pagesOf(entryPoint: string): OwnPages {
    return {
      has: ({ url = '' }: IncomingMessage) => {
        const groups = this.entryPoints.table.get(entryPoint)?.status ?? []
        return groups.length > 0 && isStatusPage(url.replace(/[?#].*$/s, ''), groups)
      },
      answer: this.observation.entryPointHandler,
    }
  }

  #startProviders(): Promise<void> {
    return this.#isEnding() ? Promise.resolve() : this.supervisor.start()
  }

  /** Whether the shutdown has reached a step in which the proxy accepts no new requests. */
  #isEnding(): boolean {
    const { step } = this.shutdown
    return step !== undefined && step !== 'accepting'
  }
}
