import { onlyKnownOptions } from '../../base/known-options.js'
import type { ConfigSink, Provider } from '../../model/provider.js'
import { followKeys } from '../kv/follow-keys.js'
import { checkKvOptions, DEFAULT_MAX_BYTES, KV_OPTIONS, type KvOptions } from '../kv/kv-options.js'
import { KvPrefix } from '../kv/kv-prefix.js'
import type { EtcdConnection } from './etcd-connection.js'
import { EtcdStore } from './etcd-store.js'

/** Which etcd an `EtcdProvider` reads, and which of its keys. */
export interface EtcdProviderOptions extends EtcdConnection, KvOptions {
  /**
   * The prefix of the configuration's keys. If it has no slash at its beginning, the keys have none either.
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
 * Delivers a configuration that is kept in etcd key by key, in Traefik 1.7's layout. It reads all keys at one revision and
 * follows changes from there. The etcd user needs the right to read the alias key and all keys below the prefixes that are read.
 *
 * While an alias names another prefix, the provider also searches its own prefix for Traefik's static configuration. If the user
 * may not read there, each document carries a warning.
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
  /** Milliseconds between two documents that the proxy takes from this provider, at least. @default 0 */
  readonly throttleMs: number
  readonly #following: Provider

  /**
   * Makes a provider that reads keys of etcd. It starts when the proxy starts.
   *
   * @throws ProxyError `PROXY_OPTION_INVALID` for an unknown option, or a value that can never work
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

  /** Stops following and closes every connection to etcd. */
  stop(): Promise<void> {
    return this.#following.stop()
  }
}
