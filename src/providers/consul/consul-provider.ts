import { onlyKnownOptions, positiveOption } from '../../base/known-options.js'
import { describeValue } from '../../base/messages.js'
import { ProxyError } from '../../model/errors.js'
import type { ConfigSink, Provider } from '../../model/provider.js'
import { checkDocumentClientOptions, type DocumentClientOptions, flawOfUrl } from '../http/document-client.js'
import { DEFAULT_MAX_BYTES } from '../json-limits.js'
import { followKeys } from '../kv/follow-keys.js'
import { checkKvOptions, KV_OPTIONS, type KvOptions } from '../kv/kv-options.js'
import { KvPrefix } from '../kv/kv-prefix.js'
import { ConsulKv } from './consul-kv.js'
import { ConsulStore } from './consul-store.js'

/** Options of a `ConsulProvider`: how to connect to Consul, and which of its keys to read. */
export interface ConsulProviderOptions extends KvOptions {
  /**
   * The URL of a Consul agent. It must not have a path, a query or a fragment.
   *
   * @default `http://127.0.0.1:8500`
   */
  readonly url?: string
  /**
   * An ACL token of Consul. It needs the right to read the alias key and all keys below the prefixes that are read. While an
   * alias names another prefix, the provider also searches below its option `prefix` for Traefik's static configuration. If the
   * token has no right to read these keys, each document has a warning.
   *
   * @default no token
   */
  readonly token?: string
  /**
   * Milliseconds that a query waits for a change, plus or minus a fifth. The maximum is 600,000.
   *
   * @default 10,000
   */
  readonly waitMs?: number
  /**
   * TLS settings, for an `https` URL. Certificates and keys are PEM texts. `ca` contains the certificate authorities that may
   * sign Consul's certificate. `cert` and `key` are the client certificate and its private key.
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
 * Delivers a configuration that is stored in Consul, one field in each key, in Traefik 1.7's layout. It follows changes with
 * blocking queries, which Consul answers when a key changes. Every read is `consistent`, which means that Consul's leader answers
 * it.
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
  /** Minimum milliseconds between two documents that the proxy accepts from this provider. @default 0 */
  readonly throttleMs: number
  readonly #following: Provider

  /**
   * Creates a provider that reads keys of Consul. The proxy starts the provider.
   *
   * @throws ProxyError `PROXY_OPTION_INVALID` for an unknown option or an invalid value
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

  /** Stops following the keys and aborts all queries to Consul. */
  stop(): Promise<void> {
    return this.#following.stop()
  }
}

/** The longest waiting time that Consul allows for a blocking query, in milliseconds. */
const MAX_WAIT_MS = 600_000

/** Returns what is wrong with the URL of a Consul agent. A path, query or fragment is refused, because it would be ignored. */
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
  // The token is checked here. Otherwise undici would refuse a token with invalid characters, and its error message would show
  // the token.
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
