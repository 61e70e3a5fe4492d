import { onlyKnownOptions } from '../base/known-options.js'
import type { ProviderConfig } from '../model/config.js'
import { ProxyError } from '../model/errors.js'
import type { ConfigSink, Delivery, Provider } from '../model/provider.js'

/**
 * Delivers a configuration that is in memory, and each configuration that the host
 * passes to `update`. It is the shortest provider, so it is a good one to copy.
 *
 * @example
 * ```ts
 * const provider = new StaticProvider({
 *   config: {
 *     frontends: { web: { backend: 'web', rule: { pathPrefix: '/' } } },
 *     backends: { web: { servers: { one: { url: 'http://10.0.0.1:80' } } } },
 *   },
 * })
 * const proxy = createProxy({ providers: [provider] })
 * ```
 */
export class StaticProvider implements Provider {
  /** The provider's name, unique among the proxy's providers. */
  readonly name: string
  /** Always true: the host's code chose the document, so an empty one is deliberate. */
  readonly allowEmpty = true
  #config: ProviderConfig
  #sink: ConfigSink | undefined

  /**
   * Makes a provider of a document that the host gives.
   *
   * @throws ProxyError `PROXY_OPTION_INVALID` for an unknown option or a missing `config`
   */
  constructor(options: {
    /** The document to deliver at the start. */
    readonly config: ProviderConfig
    /**
     * The provider's name. It must be unique among the proxy's providers and contain no `@`.
     *
     * @default 'static'
     */
    readonly name?: string
  }) {
    onlyKnownOptions(options, ['config', 'name'], 'StaticProvider: ')
    if (options.config === undefined) {
      throw new ProxyError('PROXY_OPTION_INVALID', 'StaticProvider: expected { config: the document }')
    }
    this.name = options.name ?? 'static'
    this.#config = options.config
  }

  /** Delivers the configuration to the sink. */
  async start(sink: ConfigSink): Promise<void> {
    this.#sink = sink
    void sink.update(this.#config)
  }

  /**
   * Delivers another configuration. Before `start`, it only replaces the first one.
   *
   * @returns whether the configuration is live, refused or superseded; undefined if the provider is not running
   * @example
   * ```ts
   * const delivery = await provider.update(nextConfig)
   * if (delivery?.state === 'refused') console.error(delivery.issues)
   * ```
   */
  async update(config: ProviderConfig): Promise<Delivery | undefined> {
    this.#config = config
    return this.#sink?.update(config)
  }

  /** Ends delivery. A later `update` only keeps its configuration for the next start. */
  async stop(): Promise<void> {
    this.#sink = undefined
  }
}
