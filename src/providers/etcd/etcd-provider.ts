import { onlyKnownOptions } from '../../base/known-options.js'
import type { ConfigSink, Provider } from '../../model/provider.js'
import { DEFAULT_MAX_BYTES } from '../json-limits.js'
import { followKeys } from '../kv/follow-keys.js'
import { checkKvOptions, KV_OPTIONS, type KvOptions } from '../kv/kv-options.js'
import { KvPrefix } from '../kv/kv-prefix.js'
import type { EtcdConnection } from './etcd-connection.js'
import { EtcdStore } from './etcd-store.js'

/** Options of an `EtcdProvider`: how to connect to etcd, and which of its keys to read. */
export interface EtcdProviderOptions extends EtcdConnection, KvOptions {
  /**
   * The prefix of the configuration's keys. If it does not begin with a slash, the keys do not begin with one either.
   *
   * @default `/traefik`
   */
  readonly prefix?: string
  /**
   * The provider's name, unique among the providers of a proxy.
   *
   * @default `etcd`
   */
  readonly name?: string
}

const OPTIONS = ['hosts', 'auth', 'tls', ...KV_OPTIONS] as const

/**
 * Delivers a configuration that is stored in etcd, one field in each key, in Traefik 1.7's layout. It reads all keys at one
 * revision of etcd and follows all changes after it. The etcd user needs the right to read the alias key and all keys below the
 * prefixes that are read.
 *
 * While an alias names another prefix, the provider also searches below its option `prefix` for Traefik's static configuration.
 * If the user has no right to read these keys, each document has a warning.
 *
 * @example
 * ```ts
 * const provider = new EtcdProvider({ hosts: 'http://127.0.0.1:2379', prefix: '/traefik', aliasKey: '/traefik/alias' })
 * const proxy = createProxy({ providers: [provider] })
 * ```
 */
export class EtcdProvider implements Provider {
  /** The provider's name. @default `etcd` */
  readonly name: string
  /** Whether a configuration without frontends may go live. @default false */
  readonly allowEmpty: boolean
  /** Minimum milliseconds between two documents that the proxy accepts from this provider. @default 0 */
  readonly throttleMs: number
  readonly #following: Provider

  /**
   * Creates a provider that reads keys of etcd. The proxy starts the provider.
   *
   * @throws ProxyError `PROXY_OPTION_INVALID` for an unknown option or an invalid value
   */
  constructor(options: EtcdProviderOptions) {
    onlyKnownOptions(options, OPTIONS, 'EtcdProvider: ')
    checkKvOptions(options, 'EtcdProvider')
    const { hosts, auth, tls, maxBytes = DEFAULT_MAX_BYTES, name = 'etcd' } = options
    const connection = { hosts, ...(auth && { auth }), ...(tls && { tls }) }
    const prefix = new KvPrefix(options.prefix ?? '/traefik', 'EtcdProvider')
    const aliasKey = options.aliasKey ?? `${prefix.keyOf(prefix.path)}/alias`
    const store = new EtcdStore(connection, { aliasKey, prefix, maxBytes })
    this.#following = followKeys(store, prefix, { ...options, name })
    this.name = name
    this.allowEmpty = options.allowEmpty ?? false
    this.throttleMs = options.throttleMs ?? 0
  }

  /** Begins to read and follow the keys. Resolves at once, even while etcd is down: an outage is reported to `sink`. */
  start(sink: ConfigSink): Promise<void> {
    return this.#following.start(sink)
  }

  /** Stops following the keys and closes all connections to etcd. */
  stop(): Promise<void> {
    return this.#following.stop()
  }
}
