import type { ProviderConfig } from '../model/config.js'
import type { ApplyNotes } from '../model/merge-configs.js'
import type { RequestFacts } from '../model/request-facts.js'
import type { RequestHandler, UpgradeHandler } from './client/handlers.js'
import { DataPlane } from './data-plane.js'
import type { EngineOptions } from './engine-options.js'
import { ProxyEmitter } from './events/proxy-emitter.js'
import type { RequestExplanation } from './snapshot.js'

/**
 * The data plane alone, for a host that brings its own configurations and its own `node:http` server. It serves requests by the
 * newest configuration that was applied. It owns the connections to servers, and opens no listener. `createProxy` adds providers
 * and listeners.
 *
 * @example
 * const engine = new ProxyEngine({ retry: { attempts: 1 } })
 * const server = createServer(engine.handler).on('upgrade', engine.upgrade).listen(8080)
 * await engine.apply({
 *   frontends: { all: { backend: 'app', rule: 'PathPrefix:/' } },
 *   backends: { app: { servers: { one: { url: 'http://127.0.0.1:9001' } } } },
 * })
 */
export class ProxyEngine {
  /**
   * The emitter of the engine's events: `configChanged`, `requestFinished`, `requestFailed`, `serverUp`, `serverDown` and
   * `circuitChanged`.
   *
   * @example
   * engine.events.on('requestFailed', ({ error }) => console.error(error.code))
   */
  readonly events: ProxyEmitter
  /** Serves requests: for `server.on('request', ...)` and connect-style frameworks. Requests have no entry point. */
  readonly handler: RequestHandler
  /** Serves upgrades such as WebSockets: for `server.on('upgrade', ...)`. Requests have no entry point. */
  readonly upgrade: UpgradeHandler
  readonly #dataPlane: DataPlane

  /**
   * Makes an engine that has no configuration yet. Until `apply` has brought one, requests get 503.
   *
   * @param options the options of the data plane; unknown options and numbers out of range are not noticed
   * @throws ProxyError `PROXY_OPTION_INVALID`
   */
  constructor(options: EngineOptions = {}) {
    this.#dataPlane = new DataPlane(options, new ProxyEmitter(options.onListenerError))
    this.events = this.#dataPlane.events
    const { handler, upgrade } = this.handlersFor(undefined)
    this.handler = handler
    this.upgrade = upgrade
  }

  /**
   * Returns the handlers of one entry point. A frontend that lists `entryPoints` answers on those alone.
   *
   * @param entryPoint the name of the entry point; `undefined` for a listener without a name
   * @example
   * const { handler, upgrade } = engine.handlersFor('internal')
   * createServer(handler).on('upgrade', upgrade).listen(8081, '127.0.0.1')
   */
  handlersFor(entryPoint: string | undefined): { handler: RequestHandler; upgrade: UpgradeHandler } {
    return this.#dataPlane.handlersFor(entryPoint)
  }

  /** The number of the configuration that serves. It grows by one with each switch, and is 0 before the first. */
  get generation(): number {
    return this.#dataPlane.generation
  }

  /**
   * Validates and compiles one document, and switches to it, as if a provider had delivered it. A second call supersedes the
   * first if that has not switched yet.
   *
   * @param config a whole document; it replaces the one before
   * @param about what `configChanged` says of the document. Its `provider` completes names, as in `web@static`. Without it, the
   *   provider is `static`.
   * @returns the generation that serves the document
   * @throws ProxyError `PROXY_CONFIG_INVALID` with all issues; `PROXY_CONFIG_SUPERSEDED` if a newer call came first;
   *   `PROXY_CLOSED` after `close`
   * @example
   * const { generation } = await engine.apply({ frontends: {}, backends: {} })
   */
  apply(config: ProviderConfig, about?: ApplyNotes): Promise<{ generation: number }> {
    return this.#dataPlane.apply(config, about)
  }

  /**
   * Tells which frontend a request would go to, why the others would not get it, and which servers stand behind it.
   *
   * @throws ProxyError `PROXY_NOT_READY` before the first configuration
   * @example
   * engine.explain(factsOf('http://a.test/path')).winner?.frontend // factsOf is exported by switchover/testing
   */
  explain(facts: RequestFacts): RequestExplanation {
    return this.#dataPlane.explain(facts)
  }

  /**
   * Refuses new requests with 503, and waits for the requests under way. Then it ends the rest, and closes every connection to a
   * server. A request whose response has not begun gets 503. Other responses break off.
   *
   * @example
   * await engine.close({ drainMs: 10_000 })
   */
  close(options?: {
    /**
     * Milliseconds that requests under way get to finish.
     *
     * @default 0
     */
    drainMs?: number
  }): Promise<void> {
    return this.#dataPlane.close(options)
  }
}
