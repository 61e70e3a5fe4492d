import type { ProviderConfig } from '../model/config.js'
import type { ApplyNotes } from '../model/merge-configs.js'
import type { RequestFacts } from '../model/request-facts.js'
import type { RequestHandler, UpgradeHandler } from './client/http1/handlers.js'
import { DataPlane } from './data-plane.js'
import type { EngineOptions } from './engine-options.js'
import { ProxyEmitter } from './events/proxy-emitter.js'
import type { RequestExplanation } from './snapshot.js'

/**
 * The part of the proxy that serves requests, without the providers and listeners that `createProxy` adds. The application passes
 * configurations to `apply`, and calls the handlers from its own `node:http` server. The newest configuration that was applied
 * decides how requests are routed. The engine makes the connections to the configured servers itself.
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
  /**
   * The listener for `server.on('request', ...)`, and the handler for connect-style frameworks. Requests that it serves have no
   * entry point.
   */
  readonly handler: RequestHandler
  /**
   * The listener for `server.on('upgrade', ...)`, which serves WebSockets, for example. Requests that it serves have no entry
   * point.
   */
  readonly upgrade: UpgradeHandler
  readonly #dataPlane: DataPlane

  /**
   * Creates an engine without a configuration. Until `apply` has made one live, requests get 503.
   *
   * @param options the options of the engine; unknown names and numbers out of range are not detected
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
   * Returns the request and upgrade listeners for one entry point. A frontend with a list of `entryPoints` serves only those.
   *
   * @param entryPoint the name of the entry point; `undefined` for a listener without a name
   * @example
   * const { handler, upgrade } = engine.handlersFor('internal')
   * createServer(handler).on('upgrade', upgrade).listen(8081, '127.0.0.1')
   */
  handlersFor(entryPoint: string | undefined): { handler: RequestHandler; upgrade: UpgradeHandler } {
    return this.#dataPlane.handlersFor(entryPoint)
  }

  /** The number of the live configuration. It grows by one with each new configuration, and is 0 before the first. */
  get generation(): number {
    return this.#dataPlane.generation
  }

  /**
   * Validates and compiles one document, and makes it the live configuration. If `apply` is called again before that, the newer
   * document is used, and the earlier call rejects.
   *
   * @param config a whole document; it replaces the previous one
   * @param about what the event `configChanged` reports about the document. Its `provider` completes the names of frontends and
   *   backends, as in `web@static`. Without it, the provider is `static`.
   * @returns the number of the configuration, once it is live
   * @throws ProxyError `PROXY_CONFIG_INVALID` with all issues; `PROXY_CONFIG_SUPERSEDED` if a newer call replaced this one;
   *   `PROXY_CLOSED` after `close`
   * @example
   * const { generation } = await engine.apply({ frontends: {}, backends: {} })
   */
  apply(config: ProviderConfig, about?: ApplyNotes): Promise<{ generation: number }> {
    return this.#dataPlane.apply(config, about)
  }

  /**
   * Returns which frontend would match a request, why the other frontends would not, and the servers of the frontend's backend.
   *
   * @throws ProxyError `PROXY_NOT_READY` before the first configuration
   * @example
   * engine.explain(factsOf('http://a.test/path')).winner?.frontend // factsOf is exported by switchover/testing
   */
  explain(facts: RequestFacts): RequestExplanation {
    return this.#dataPlane.explain(facts)
  }

  /**
   * Shuts the engine down. It answers new requests with 503, and waits at most `drainMs` for those in progress. Then it answers
   * the remaining requests with 503, or closes their connections if a response has begun. It closes every connection to a server.
   *
   * @example
   * await engine.close({ drainMs: 10_000 })
   */
  close(options?: {
    /**
     * How long requests in progress may take to finish, in milliseconds.
     *
     * @default 0
     */
    drainMs?: number
  }): Promise<void> {
    return this.#dataPlane.close(options)
  }
}
