import { onlyKnownOptions } from '../base/known-options.js'
import type { ProviderConfig } from '../model/config.js'
import { ProxyError } from '../model/errors.js'
import type { ConfigSink, Delivery, Provider } from '../model/provider.js'

/**
 * Delivers a configuration that the application passes to the constructor, and later each one that it passes to `update`. This is
 * the shortest provider, so it is a good example for a provider of your own.
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
  /**
   * Always true, so a document without frontends may go live: the application chose the document, so an empty one is deliberate.
   */
  readonly allowEmpty = true
  #config: ProviderConfig
  #sink: ConfigSink | undefined

  /**
   * Makes a provider that delivers the given configuration document.
   *
   * @throws ProxyError `PROXY_OPTION_INVALID` for an unknown option or a missing `config`
   */
  constructor(options: {
    /** The configuration document that the provider delivers when it starts. */
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

  /** Delivers the configuration to the sink. The sink also gets the later configurations. */
  async start(sink: ConfigSink): Promise<void> {
    this.#sink = sink
    void sink.update(this.#config)
  }

  /**
   * Delivers another configuration. Before `start`, it delivers nothing, and only replaces the configuration that `start` will
   * deliver.
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

  /** Ends the delivery. A later `update` delivers nothing, and only replaces the configuration that the next `start` delivers. */
  async stop(): Promise<void> {
    this.#sink = undefined
  }
}
