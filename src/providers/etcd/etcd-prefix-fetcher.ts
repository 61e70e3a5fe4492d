import type { IRangeRequest } from 'etcd3'
import { onlyKnownOptions, positiveOption } from '../../base/known-options.js'
import { describeValue } from '../../base/messages.js'
import { runInSlices } from '../../base/run-steps.js'
import type { ProviderConfig } from '../../model/config.js'
import { asError, ProxyError } from '../../model/errors.js'
import type { ConfigFetcher, FetchContext } from '../../model/provider.js'
import { documentOfKeys } from '../kv/kv-document.js'
import { hasKeys } from '../kv/kv-entry.js'
import { DEFAULT_MAX_BYTES } from '../kv/kv-options.js'
import { checkConnection, type EtcdConnection } from './etcd-connection.js'
import { describeFault } from './etcd-faults.js'
import { EtcdReader } from './etcd-reader.js'
import { type EtcdTree, readTree, unlessCompacted } from './etcd-tree.js'

export interface EtcdPrefixFetcherOptions extends EtcdConnection {
  /** Of all keys and values below a prefix. Default 64 MiB. */
  readonly maxBytes?: number
  /** Whether a prefix without keys is an empty document. Default false: it is unusable. */
  readonly allowEmpty?: boolean
}

const OPTIONS = ['hosts', 'auth', 'tls', 'maxBytes', 'allowEmpty'] as const

/**
 * Fetches a document that stands below a prefix in etcd, key by key, in Traefik 1.7's layout, at one revision. With it, an
 * `EtcdAliasProvider` needs no config API.
 */
export class EtcdPrefixFetcher implements ConfigFetcher {
  readonly #connection: EtcdConnection
  readonly #hosts: readonly string[]
  readonly #maxBytes: number
  readonly #allowEmpty: boolean
  #attempts = 0

  /** @throws ProxyError `PROXY_OPTION_INVALID` */
  constructor(options: EtcdPrefixFetcherOptions) {
    onlyKnownOptions(options, OPTIONS, 'EtcdPrefixFetcher: ')
    const { maxBytes = DEFAULT_MAX_BYTES, allowEmpty = false, ...connection } = options
    checkConnection(connection)
    positiveOption(maxBytes, 'EtcdPrefixFetcher: maxBytes')
    if (typeof allowEmpty !== 'boolean') {
      const message = `EtcdPrefixFetcher: allowEmpty: expected true or false, found ${describeValue(allowEmpty)}`
      throw new ProxyError('PROXY_OPTION_INVALID', message)
    }
    this.#connection = connection
    this.#hosts = [connection.hosts].flat()
    this.#maxBytes = maxBytes
    this.#allowEmpty = allowEmpty
  }

  /**
   * Asks the next host at each call.
   *
   * @throws ProxyError `PROXY_CONFIG_UNREACHABLE`; `PROXY_CONFIG_UNUSABLE` for no keys, for too many bytes, and for values that
   * are no text; `PROXY_CONFIG_INVALID`
   */
  async fetch(prefix: string, { signal, warn }: FetchContext): Promise<ProviderConfig> {
    if (prefix === '/') throw new ProxyError('PROXY_CONFIG_UNUSABLE', 'the prefix / names all keys there are')
    const { entries } = await this.#read(prefix, signal)
    if (!hasKeys(entries) && !this.#allowEmpty)
      throw new ProxyError('PROXY_CONFIG_UNUSABLE', `there is nothing below ${prefix}/ in etcd`)
    const document = await runInSlices(documentOfKeys(entries, prefix, warn), signal)
    return { ...(document as ProviderConfig), prefix }
  }

  /** On a connection of its own, which ends with it: fetches are rare, and nobody says when the last one was. */
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
