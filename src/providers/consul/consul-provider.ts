import { onlyKnownOptions, positiveOption } from '../../base/known-options.js'
import { describeValue } from '../../base/messages.js'
import { ProxyError } from '../../model/errors.js'
import type { ConfigSink, Provider } from '../../model/provider.js'
import { checkDocumentClientOptions, type DocumentClientOptions, flawOfUrl } from '../http/document-client.js'
import { followKeys } from '../kv/follow-keys.js'
import { checkKvOptions, DEFAULT_MAX_BYTES, KV_OPTIONS, type KvOptions } from '../kv/kv-options.js'
import { KvPrefix } from '../kv/kv-prefix.js'
import { ConsulKv } from './consul-kv.js'
import { ConsulStore } from './consul-store.js'

/** Which Consul, and which of its keys. */
export interface ConsulProviderOptions extends KvOptions {
  /** An agent's. Default `http://127.0.0.1:8500`. */
  readonly url?: string
  /**
   * An ACL token: it needs to read the alias key and what stands below the prefixes that are read. Behind an alias, static
   * configuration is looked for below the own prefix too. If the token may not read there, the provider warns.
   */
  readonly token?: string
  /** How long a query waits for a change, in milliseconds, give or take a fifth. Default 10,000. */
  readonly waitMs?: number
  /** PEM texts, for an `https` url. Without `ca`, Node's root certificates; `cert` and `key` show who asks. */
  readonly tls?: DocumentClientOptions['tls']
  /** What the configuration's keys stand below. Default `traefik`; a slash at its beginning is left out. */
  readonly prefix?: string
  /** The provider's name. Default `consul`. */
  readonly name?: string
}

const OPTIONS = ['url', 'token', 'waitMs', 'tls', ...KV_OPTIONS] as const

/**
 * Delivers a configuration that stands in Consul key by key, in Traefik 1.7's layout, and follows it by queries that wait for
 * a change. All reads are `consistent`: its leader's.
 */
export class ConsulProvider implements Provider {
  readonly name: string
  readonly allowEmpty: boolean
  readonly throttleMs: number
  readonly #following: Provider

  /** @throws ProxyError `PROXY_OPTION_INVALID` */
  constructor(options: ConsulProviderOptions = {}) {
    checkOptions(options)
    const { url = 'http://127.0.0.1:8500', token, waitMs = 10_000, tls, name = 'consul' } = options
    const { maxBytes = DEFAULT_MAX_BYTES } = options
    const prefix = new KvPrefix(options.prefix ?? 'traefik', 'ConsulProvider', false)
    const aliasKey = prefix.keyOf(options.aliasKey ?? `${prefix.path}/alias`)
    const kv = new ConsulKv({ url, token, waitMs, maxBytes, tls })
    const store = new ConsulStore(kv, { aliasKey, prefix })
    this.#following = followKeys(store, prefix, { ...options, name })
    this.name = name
    this.allowEmpty = options.allowEmpty ?? false
    this.throttleMs = options.throttleMs ?? 0
  }

  /** Resolves at once, though Consul be down. */
  start(sink: ConfigSink): Promise<void> {
    return this.#following.start(sink)
  }

  stop(): Promise<void> {
    return this.#following.stop()
  }
}

const MAX_WAIT_MS = 600_000

/** Whatever else stands in it would be left out. */
function flawOfAgent(url: string): string | undefined {
  const { pathname, search, hash } = new URL(url)
  return pathname === '/' && search === '' && hash === ''
    ? undefined
    : 'must be a scheme, a host and a port alone'
}

function checkOptions(options: ConsulProviderOptions): void {
  onlyKnownOptions(options, OPTIONS, 'ConsulProvider: ')
  checkKvOptions(options, 'ConsulProvider')
  const flaw = options.url === undefined ? undefined : (flawOfUrl(options.url) ?? flawOfAgent(options.url))
  if (flaw) throw new ProxyError('PROXY_OPTION_INVALID', `ConsulProvider: the url ${flaw}`)
  // A header cannot hold everything, and says so with the token in its message.
  const { token = 'none' } = options
  if (typeof token !== 'string' || !/^[!-~]+$/.test(token)) {
    const found = typeof token === 'string' ? 'another text' : describeValue(token)
    throw new ProxyError(
      'PROXY_OPTION_INVALID',
      `ConsulProvider: token: expected an ACL token, found ${found}`,
    )
  }
  positiveOption(options.waitMs, 'ConsulProvider: waitMs')
  if ((options.waitMs ?? 0) > MAX_WAIT_MS) {
    const message = `ConsulProvider: waitMs: expected at most ${MAX_WAIT_MS}, as Consul does, found ${options.waitMs}`
    throw new ProxyError('PROXY_OPTION_INVALID', message)
  }
  checkDocumentClientOptions(options.tls ? { tls: options.tls } : {}, 'ConsulProvider')
}
