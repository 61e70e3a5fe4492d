import { onlyKnownOptions } from '../../base/known-options.js'
import type { ConfigSink, Provider } from '../../model/provider.js'
import { followKeys } from '../kv/follow-keys.js'
import { checkKvOptions, DEFAULT_MAX_BYTES, KV_OPTIONS, type KvOptions } from '../kv/kv-options.js'
import { KvPrefix } from '../kv/kv-prefix.js'
import type { EtcdConnection } from './etcd-connection.js'
import { EtcdStore } from './etcd-store.js'

/** Which etcd, and which of its keys. */
export interface EtcdProviderOptions extends EtcdConnection, KvOptions {
  /** What the configuration's keys stand below. Default `/traefik`; without a slash at its beginning, keys have none either. */
  readonly prefix?: string
  /** The provider's name. Default `etcd`. */
  readonly name?: string
}

const OPTIONS = ['hosts', 'auth', 'tls', ...KV_OPTIONS] as const

/**
 * Delivers a configuration that stands in etcd key by key, in Traefik 1.7's layout: read at one revision, and followed from
 * there. Its etcd user needs to read the alias key and what stands below the prefixes that are read.
 * Behind an alias it also looks for static configuration below its own prefix. If the user may not read there, it warns.
 */
export class EtcdProvider implements Provider {
  readonly name: string
  readonly allowEmpty: boolean
  readonly throttleMs: number
  readonly #following: Provider

  /** @throws ProxyError `PROXY_OPTION_INVALID` */
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

  /** Resolves at once, though etcd be down. */
  start(sink: ConfigSink): Promise<void> {
    return this.#following.start(sink)
  }

  stop(): Promise<void> {
    return this.#following.stop()
  }
}
