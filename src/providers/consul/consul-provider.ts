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

/** Which Consul a `ConsulProvider` reads, and which of its keys. */
export interface ConsulProviderOptions extends KvOptions {
  /**
   * The URL of a Consul agent, without a path, query or fragment.
   *
   * @default `http://127.0.0.1:8500`
   */
  readonly url?: string
  /**
   * An ACL token. It needs the right to read the alias key and all keys below the prefixes that are read. While an alias names
   * another prefix, the provider also searches its own prefix for Traefik's static configuration. If the token may not read it,
   * each document carries a warning.
   *
   * @default no token
   */
  readonly token?: string
  /**
   * Milliseconds that a query waits for a change, plus or minus a fifth. At most 600,000.
   *
   * @default 10,000
   */
  readonly waitMs?: number
  /**
   * TLS settings as PEM texts, for an `https` URL. `ca` holds the authorities that may sign Consul's certificate. `cert` and
   * `key` are the client certificate.
   *
   * @default the root certificates that Node trusts, and no client certificate
   */
  readonly tls?: DocumentClientOptions['tls']
  /**
   * The prefix of the configuration's keys. A slash at its beginning is ignored.
   *
   * @default `traefik`
   */
  readonly prefix?: string
  /**
   * The provider's name, unique among the providers of a proxy.
   *
   * @default `consul`
   */
  readonly name?: string
}

const OPTIONS = ['url', 'token', 'waitMs', 'tls', ...KV_OPTIONS] as const

/**
 * Delivers a configuration that is kept in Consul key by key, in Traefik 1.7's layout. It follows changes by blocking queries.
 * Every read is `consistent`, so Consul's leader answers it.
 *
 * @example
 * ```ts
 * const provider = new ConsulProvider({ url: 'http://127.0.0.1:8500', prefix: 'traefik', aliasKey: 'traefik/alias' })
 * const proxy = createProxy({ providers: [provider] })
 * ```
 */
export class ConsulProvider implements Provider {
  /** The provider's name. @default `consul` */
  readonly name: string
  /** Whether a configuration without frontends may go live. @default false */
  readonly allowEmpty: boolean
  /** Milliseconds between two documents that the proxy takes from this provider, at least. @default 0 */
  readonly throttleMs: number
  readonly #following: Provider

  /**
   * Makes a provider that reads keys of Consul. It starts when the proxy starts.
   *
   * @throws ProxyError `PROXY_OPTION_INVALID` for an unknown option, or a value that can never work
   */
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

  /** Begins to read and follow the keys. Resolves at once, even while Consul is down: an outage is reported to `sink`. */
  start(sink: ConfigSink): Promise<void> {
    return this.#following.start(sink)
  }

  /** Stops following and aborts all queries. */
  stop(): Promise<void> {
    return this.#following.stop()
  }
}

/** The longest wait that Consul allows for a blocking query, in milliseconds. */
const MAX_WAIT_MS = 600_000

/** Returns what is wrong with an agent's URL. A path, query or fragment would be ignored, so it is refused. */
function flawOfAgent(url: string): string | undefined {
  const { pathname, search, hash } = new URL(url)
  return pathname === '/' && search === '' && hash === ''
    ? undefined
    : 'must not have a path, a query or a fragment'
}

function checkOptions(options: ConsulProviderOptions): void {
  onlyKnownOptions(options, OPTIONS, 'ConsulProvider: ')
  checkKvOptions(options, 'ConsulProvider')
  const flaw = options.url === undefined ? undefined : (flawOfUrl(options.url) ?? flawOfAgent(options.url))
  if (flaw) throw new ProxyError('PROXY_OPTION_INVALID', `ConsulProvider: the url ${flaw}`)
  // Checked here, because undici's error for a character that a header cannot hold would quote the token.
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
