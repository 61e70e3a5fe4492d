import { onlyKnownOptions } from '../../base/known-options.js'
import type { ConfigFetcher, ConfigSink, Provider } from '../../model/provider.js'
import { AliasProvider } from '../alias-provider.js'
import { EtcdAliasSource } from './etcd-alias-source.js'
import type { EtcdConnection } from './etcd-connection.js'

export interface EtcdAliasProviderOptions extends EtcdConnection {
  /** The alias key of this proxy's cluster, like `/traefik/dev/alias`. */
  readonly aliasKey: string
  /** Turns the prefix that the alias names into a document. */
  readonly fetcher: ConfigFetcher
  /** Default `etcd-alias`. */
  readonly name?: string
  /** The alias value must be this prefix or stand below it. Default: any absolute path. */
  readonly allowedPrefix?: string
  /** Whether a document without frontends may go live. Default false. */
  readonly allowEmpty?: boolean
  /** After a flip, the config API is asked at a random moment within so many milliseconds. Default 0: at once. */
  readonly spreadMs?: number
  /** Of a burst of documents, at most one in so many milliseconds is taken. Default 0: each, as it comes. */
  readonly throttleMs?: number
}

const OPTIONS = [
  'hosts',
  'auth',
  'tls',
  'aliasKey',
  'fetcher',
  'name',
  'allowedPrefix',
  'allowEmpty',
  'spreadMs',
  'throttleMs',
] as const

/**
 * Follows the alias key of one cluster in etcd: one write to that key switches the proxy. Its etcd user needs to read
 * that key and nothing else.
 */
export class EtcdAliasProvider implements Provider {
  readonly name: string
  readonly allowEmpty: boolean
  readonly throttleMs: number
  readonly #following: AliasProvider

  /** @throws ProxyError `PROXY_OPTION_INVALID` */
  constructor(options: EtcdAliasProviderOptions) {
    onlyKnownOptions(options, OPTIONS, 'EtcdAliasProvider: ')
    const { hosts, auth, tls, aliasKey, ...following } = options
    const source = new EtcdAliasSource({ hosts, ...(auth && { auth }), ...(tls && { tls }) }, aliasKey)
    this.#following = new AliasProvider({ ...following, name: options.name ?? 'etcd-alias', source })
    this.name = this.#following.name
    this.throttleMs = this.#following.throttleMs
    this.allowEmpty = this.#following.allowEmpty
  }

  /** Resolves at once, though etcd be down. */
  start(sink: ConfigSink): Promise<void> {
    return this.#following.start(sink)
  }

  stop(): Promise<void> {
    return this.#following.stop()
  }
}
