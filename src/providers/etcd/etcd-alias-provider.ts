import { onlyKnownOptions } from '../../base/known-options.js'
import type { ConfigSink, Provider } from '../../model/provider.js'
import { AliasProvider } from '../alias-provider.js'
import { FOLLOW_OPTIONS, type FollowOptions } from '../follow-options.js'
import { EtcdAliasSource } from './etcd-alias-source.js'
import type { EtcdConnection } from './etcd-connection.js'

/** Options of an `EtcdAliasProvider`: how to connect to etcd, and which alias key it follows. */
export interface EtcdAliasProviderOptions extends EtcdConnection, FollowOptions {
  /** The alias key, such as `/traefik/dev/alias`. All proxies of one cluster follow the same key. */
  readonly aliasKey: string
}

const OPTIONS = ['hosts', 'auth', 'tls', 'aliasKey', ...FOLLOW_OPTIONS] as const

/**
 * Follows an alias key in etcd. One write of this key makes the proxy switch to the document that the new value names. The etcd
 * user needs the right to read the alias key, and no other right.
 *
 * @example
 * ```ts
 * const provider = new EtcdAliasProvider({
 *   hosts: ['http://10.0.0.1:2379', 'http://10.0.0.2:2379'],
 *   aliasKey: '/traefik/dev/alias',
 *   fetcher: new ApiConfigFetcher({ url: 'http://config-api:8080/config' }),
 *   allowedPrefix: '/traefik/dev',
 * })
 * const proxy = createProxy({ providers: [provider] })
 * ```
 */
export class EtcdAliasProvider implements Provider {
  /** The provider's name. @default `etcd-alias` */
  readonly name: string
  /** Whether a document without frontends may go live. @default false */
  readonly allowEmpty: boolean
  /** Minimum milliseconds between two documents that the proxy accepts from this provider. @default 0 */
  readonly throttleMs: number
  readonly #following: AliasProvider

  /**
   * Creates a provider that follows an alias key in etcd. The proxy starts the provider.
   *
   * @throws ProxyError `PROXY_OPTION_INVALID` for an unknown option or an invalid value
   */
  constructor(options: EtcdAliasProviderOptions) {
    onlyKnownOptions(options, OPTIONS, 'EtcdAliasProvider: ')
    const { hosts, auth, tls, aliasKey, ...following } = options
    const source = new EtcdAliasSource({ hosts, ...(auth && { auth }), ...(tls && { tls }) }, aliasKey)
    this.#following = new AliasProvider({ ...following, name: options.name ?? 'etcd-alias', source })
    this.name = this.#following.name
    this.throttleMs = this.#following.throttleMs
    this.allowEmpty = this.#following.allowEmpty
  }

  /** Begins to follow the alias key. Resolves at once, even while etcd is down: an outage is reported to `sink`. */
  start(sink: ConfigSink): Promise<void> {
    return this.#following.start(sink)
  }

  /** Ends the watch, aborts a fetch in progress and closes all connections to etcd. */
  stop(): Promise<void> {
    return this.#following.stop()
  }
}
