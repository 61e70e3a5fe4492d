import type { IRangeRequest } from 'etcd3'
import { flagOption, onlyKnownOptions, positiveOption } from '../../base/known-options.js'
import { runInSlices } from '../../base/run-steps.js'
import type { ProviderConfig } from '../../model/config.js'
import { asError, ProxyError } from '../../model/errors.js'
import type { ConfigFetcher, FetchContext } from '../../model/provider.js'
import { DEFAULT_MAX_BYTES } from '../json-limits.js'
import { documentOfKeys } from '../kv/kv-document.js'
import { hasKeys } from '../kv/kv-entry.js'
import { checkConnection, type EtcdConnection } from './etcd-connection.js'
import { describeFault } from './etcd-faults.js'
import { EtcdReader } from './etcd-reader.js'
import { type EtcdTree, readTree, unlessCompacted } from './etcd-tree.js'

/** Options of an `EtcdPrefixFetcher`: how to connect to etcd, and which documents it accepts. */
export interface EtcdPrefixFetcherOptions extends EtcdConnection {
  /**
   * Maximum bytes of all keys and values below a prefix. A larger document is rejected with `PROXY_CONFIG_UNUSABLE`.
   *
   * @default 64 MiB
   */
  readonly maxBytes?: number
  /**
   * If true, a prefix without keys is accepted as an empty document. If false, it is rejected with `PROXY_CONFIG_UNUSABLE`.
   *
   * @default false
   */
  readonly allowEmpty?: boolean
}

const OPTIONS = ['hosts', 'auth', 'tls', 'maxBytes', 'allowEmpty'] as const

/**
 * Fetches a document that is stored below a prefix in etcd, one field in each key, in Traefik 1.7's layout. All keys are read at
 * one revision. With this fetcher, an `EtcdAliasProvider` does not need an HTTP API that serves the documents.
 *
 * @example
 * ```ts
 * const hosts = 'http://127.0.0.1:2379'
 * const fetcher = new EtcdPrefixFetcher({ hosts })
 * const provider = new EtcdAliasProvider({ hosts, aliasKey: '/traefik/dev/alias', fetcher })
 * ```
 */
export class EtcdPrefixFetcher implements ConfigFetcher {
  readonly #connection: EtcdConnection
  readonly #hosts: readonly string[]
  readonly #maxBytes: number
  readonly #allowEmpty: boolean
  #attempts = 0

  /**
   * Creates a fetcher. It connects to etcd at the first fetch.
   *
   * @throws ProxyError `PROXY_OPTION_INVALID` for an unknown option or an invalid value
   */
  constructor(options: EtcdPrefixFetcherOptions) {
    onlyKnownOptions(options, OPTIONS, 'EtcdPrefixFetcher: ')
    const { maxBytes = DEFAULT_MAX_BYTES, allowEmpty = false, ...connection } = options
    checkConnection(connection)
    positiveOption(maxBytes, 'EtcdPrefixFetcher: maxBytes')
    flagOption(allowEmpty, 'EtcdPrefixFetcher: allowEmpty')
    this.#connection = connection
    this.#hosts = [connection.hosts].flat()
    this.#maxBytes = maxBytes
    this.#allowEmpty = allowEmpty
  }

  /**
   * Fetches the document below a prefix. Each fetch uses the next host in the list.
   *
   * @throws ProxyError `PROXY_CONFIG_UNREACHABLE` if etcd cannot be read
   * @throws ProxyError `PROXY_CONFIG_UNUSABLE` if the prefix has no keys or too many bytes, or if a value is not UTF-8
   * @throws ProxyError `PROXY_CONFIG_INVALID` for a misplaced key, for a field with two values, and for a guard of Traefik's
   *   static configuration
   */
  async fetch(prefix: string, { signal, warn }: FetchContext): Promise<ProviderConfig> {
    if (prefix === '/')
      throw new ProxyError(
        'PROXY_CONFIG_UNUSABLE',
        'the prefix / names all keys of the store; expected a path like /traefik/v2',
      )
    const { entries } = await this.#read(prefix, signal)
    if (!hasKeys(entries) && !this.#allowEmpty)
      throw new ProxyError('PROXY_CONFIG_UNUSABLE', `there is nothing below ${prefix}/ in etcd`)
    const document = await runInSlices(documentOfKeys(entries, prefix, warn), signal)
    return { ...(document as ProviderConfig), prefix }
  }

  /**
   * Reads the keys over a new connection and closes it. Fetches are rare, and a fetcher is never told that it is no longer
   * needed.
   */
  async #read(prefix: string, signal: AbortSignal): Promise<EtcdTree> {
    const host = this.#hosts[this.#attempts++ % this.#hosts.length] as string
    const reader = await EtcdReader.to(this.#connection, host, {})
    const close = () => reader.close()
    signal.addEventListener('abort', close)
    try {
      signal.throwIfAborted()
      await reader.logIn()
      const reading = { maxBytes: this.#maxBytes, signal }
      const range = (request: IRangeRequest) => reader.range(request)
      return await unlessCompacted(() => readTree(range, prefix, reading), signal)
    } catch (thrown) {
      signal.throwIfAborted()
      if (thrown instanceof ProxyError) throw thrown
      const site = { connection: this.#connection, host, key: `${prefix}/` }
      const fault = describeFault(asError(thrown).message, site)
      throw new ProxyError('PROXY_CONFIG_UNREACHABLE', `etcd ${host}: ${fault}`, { cause: thrown })
    } finally {
      signal.removeEventListener('abort', close)
      close()
    }
  }
}
