import { strategyTable } from '../balancing/strategies.js'
import { present } from '../base/records.js'
import { rowOf } from '../middlewares/middleware-kind.js'
import { MIDDLEWARES } from '../middlewares/middlewares.js'
import type { ProviderConfig } from '../model/config.js'
import { ProxyError } from '../model/errors.js'
import { DEFAULT_LIMITS, DEFAULT_TIMEOUTS } from '../model/limits.js'
import type { ApplyMerged, ApplyNotes } from '../model/merge-configs.js'
import type { RequestFacts } from '../model/request-facts.js'
import { matcherTable } from '../rules/matchers.js'
import { claimOf } from './claim-upgrade.js'
import type { ClientSide } from './client/client-side.js'
import type { RequestHandler, UpgradeHandler } from './client/http1/handlers.js'
import { Intake, type OwnPages } from './client/http1/intake.js'
import { LingeringClose } from './client/http1/lingering-close.js'
import { Closing } from './closing.js'
import { dataPlanes } from './data-planes.js'
import type { EngineOptions } from './engine-options.js'
import { EntryPointChains } from './entry-point-chains.js'
import { failuresOf, type ProxyEmitter } from './events/proxy-emitter.js'
import { Exchange } from './exchange.js'
import { Generations } from './generations.js'
import { type Forwarding, forwardingOf } from './headers/forwarding-headers.js'
import { type EngineEntryPoint, EntryPointTrust } from './headers/peer-trust.js'
import { hooksRow } from './hooks.js'
import { InFlight } from './in-flight.js'
import { LoadShedding } from './load-shedding.js'
import { RequestPipeline } from './request-pipeline.js'
import { RequestReports } from './request-reports.js'
import { Retries } from './retries.js'
import type { RequestExplanation, Snapshot } from './snapshot.js'
import { UpstreamNetworks } from './upstream/upstream-networks.js'
import { Upstreams } from './upstream/upstreams.js'

/**
 * The part of the proxy that serves requests, with all its internals. `createProxy` and the status server use it. Applications
 * use the class `ProxyEngine`, which hides the internals.
 */
export class DataPlane {
  readonly events: ProxyEmitter
  readonly reports: RequestReports
  readonly inFlight: InFlight
  /** The client connections that close in stages. */
  readonly lingering: LingeringClose
  readonly shedding: LoadShedding
  readonly closing: Closing
  readonly #generations: Generations
  readonly #trust: EntryPointTrust
  readonly #chains: EntryPointChains
  readonly #forwarding: Forwarding
  readonly #intake: Intake
  readonly #pipeline: RequestPipeline

  /** Creates the parts that serve requests. No configuration is live yet. @throws ProxyError `PROXY_OPTION_INVALID` */
  constructor(options: EngineOptions, events: ProxyEmitter) {
    this.events = events
    dataPlanes.set(events, this)
    this.reports = new RequestReports(events)
    this.#trust = new EntryPointTrust(options.trustedProxies, options.entryPoints)
    this.#forwarding = forwardingOf(options)
    const retries = new Retries(options.retry)
    const limits = { ...DEFAULT_LIMITS, ...present(options.limits ?? {}) }
    const timeouts = { ...DEFAULT_TIMEOUTS, ...present(options.timeouts ?? {}) }
    this.lingering = new LingeringClose(limits)
    this.inFlight = new InFlight(timeouts, this.lingering)
    this.#intake = new Intake(limits, failuresOf(events), this.lingering, options.upgradeProtocols)
    const networks = new UpstreamNetworks(limits.upstreamNetworks, options.lookup)
    const { responseHeadBytes, connectionAgeMs: ageMs } = limits
    const tls = options.upstreamTls ?? {}
    const upstreams = new Upstreams({ timeouts, networks, tls, responseHeadBytes, ageMs })
    this.shedding = new LoadShedding(this.inFlight, upstreams)
    const own = options.middlewares ?? []
    const middlewares = [...MIDDLEWARES, ...own.map(rowOf), hooksRow(options)]
    this.#chains = new EntryPointChains(middlewares, options.entryPoints)
    const tools = {
      matchers: matcherTable(options),
      middlewares,
      strategies: strategyTable(options.strategies),
      upstreams,
      newBudget: () => retries.newBudget(),
      events,
      stickySecrets: [options.stickySecret ?? []].flat(),
    }
    this.#generations = new Generations(tools, options, events)
    this.closing = new Closing(this.inFlight, this.#generations, upstreams)
    this.#pipeline = new RequestPipeline({
      reports: this.reports,
      inFlight: this.inFlight,
      shedding: this.shedding,
      closing: this.closing,
      generations: this.#generations,
      trust: this.#trust,
      chains: this.#chains,
      forwarding: this.#forwarding,
      retries,
      limits,
      mayAddCredentials: options.onRequest !== undefined || own.length > 0,
    })
  }

  /**
   * Returns the functions that serve the requests and upgrades of one entry point. A frontend with a list of `entryPoints` serves
   * only those entry points.
   *
   * @param pages the proxy's own pages on this entry point, which come before all frontends
   */
  handlersFor(
    entryPoint: string | undefined,
    pages?: OwnPages,
  ): { handler: RequestHandler; upgrade: UpgradeHandler } {
    return this.#intake.handlersFor(
      (client, passOn) => this.take(client, entryPoint, passOn),
      (client, answer) => this.#pipeline.takePage(new Exchange(client, this.#pipeline, entryPoint), answer),
      (head) => claimOf(head, entryPoint, this.snapshot, this.#trust, this.#forwarding.underscoreHeaders),
      pages,
    )
  }

  /** Serves one request. @param passOn lets the application's own routes answer it, if no frontend matches */
  take(client: ClientSide, entryPoint: string | undefined, passOn?: () => void): void {
    this.#pipeline.take(new Exchange(client, this.#pipeline, entryPoint), passOn)
  }

  /** Replaces the options of all entry points, for requests that begin afterwards. @throws ProxyError `PROXY_OPTION_INVALID` */
  setEntryPoints(entryPoints: Readonly<Record<string, EngineEntryPoint>>): void {
    this.#chains.replace(entryPoints)
    this.#trust.replace(entryPoints)
  }

  /** The compiled configuration that is live now, or `undefined` before the first one. */
  get snapshot(): Snapshot | undefined {
    return this.#generations.snapshot
  }

  /** The number of the configuration that is live now, or 0 before the first one. */
  get generation(): number {
    return this.snapshot?.generation ?? 0
  }

  /**
   * Validates and compiles one document, and makes it the live configuration. If `apply` is called again before that, the newer
   * document is used, and the earlier call rejects.
   *
   * @throws ProxyError `PROXY_CONFIG_INVALID` with all issues; `PROXY_CONFIG_SUPERSEDED`; `PROXY_CLOSED`
   */
  async apply(
    config: ProviderConfig,
    about: ApplyNotes = { provider: 'static' },
  ): Promise<{ generation: number }> {
    return this.#generations.apply(config, about)
  }

  /**
   * Compiles a configuration that is validated and merged already, and makes it live. The caller is the supervisor, which runs
   * the providers. The caller must never change the objects in the configuration.
   *
   * @throws ProxyError `PROXY_CONFIG_SUPERSEDED` if a newer configuration came before this one was live; the reason of `cancel`
   *   if that signal aborts
   */
  readonly applyMerged: ApplyMerged = (config, about, cancel, onSwapped) =>
    this.#generations.applyMerged(config, about, cancel, onSwapped)

  /**
   * Returns which frontend would match a request, and why.
   *
   * @throws ProxyError `PROXY_NOT_READY` before the first configuration
   */
  explain(facts: RequestFacts): RequestExplanation {
    const { snapshot } = this
    if (!snapshot) throw new ProxyError('PROXY_NOT_READY')
    const before = this.#chains.explain(facts)
    return { ...snapshot.explain(facts), ...(before && { entryPoint: before }) }
  }

  /**
   * Shuts the engine down. It refuses new requests, and waits at most `drainMs` for those in progress. Then it aborts the
   * remaining requests, and closes every connection to a server.
   */
  async close({ drainMs = 0 }: { readonly drainMs?: number } = {}): Promise<void> {
    this.closing.drain()
    await this.inFlight.idleWithin(drainMs)
    await this.closing.end()
  }
}
