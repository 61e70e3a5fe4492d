import { onlyKnownOptions } from '../base/known-options.js'
import type { ProviderConfig } from '../model/config.js'
import { ProxyError } from '../model/errors.js'
import type { ConfigSink, Delivery, Provider } from '../model/provider.js'

/** A configuration in memory, and whatever `update` puts in its place. The shortest provider there is: copy it. */
export class StaticProvider implements Provider {
  readonly name: string
  /** Who writes a configuration into a program means what he writes: an empty one serves nothing. */
  readonly allowEmpty = true
  #config: ProviderConfig
  #sink: ConfigSink | undefined

  /**
   * @param options.name default `static`
   * @throws ProxyError `PROXY_OPTION_INVALID`
   */
  constructor(options: { readonly config: ProviderConfig; readonly name?: string }) {
    onlyKnownOptions(options, ['config', 'name'], 'StaticProvider: ')
    if (options.config === undefined) {
      throw new ProxyError('PROXY_OPTION_INVALID', 'StaticProvider: expected { config: the document }')
    }
    this.name = options.name ?? 'static'
    this.#config = options.config
  }

  async start(sink: ConfigSink): Promise<void> {
    this.#sink = sink
    void sink.update(this.#config)
  }

  /** Delivers another configuration; before the start, it is the first to be delivered. Says what became of it. */
  async update(config: ProviderConfig): Promise<Delivery | undefined> {
    this.#config = config
    return this.#sink?.update(config)
  }

  async stop(): Promise<void> {
    this.#sink = undefined
  }
}
