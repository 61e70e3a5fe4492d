import { positiveOption } from '../../base/known-options.js'
import { describeValue } from '../../base/messages.js'
import { ProxyError } from '../../model/errors.js'

/**
 * Options of every provider that reads a configuration key by key from a store. Source: Traefik 1.7's KV providers.
 *
 * @example
 * ```ts
 * const options: KvOptions = { prefix: '/traefik', aliasKey: '/traefik/dev/alias', allowedPrefix: '/traefik/dev' }
 * const provider = new EtcdProvider({ hosts: 'http://127.0.0.1:2379', ...options })
 * ```
 */
export interface KvOptions {
  /**
   * The prefix of the configuration's keys: `frontends/...` and `backends/...` below it, in Traefik 1.7's layout.
   *
   * @default `/traefik` in `EtcdProvider`, `traefik` in `ConsulProvider`
   */
  readonly prefix?: string
  /**
   * The alias key. The configuration is read below the prefix that its value names, instead of below `prefix`.
   * An alias key that is given must exist. Without the option, `prefix` itself is read where the default key does not exist.
   *
   * @default the key `alias` below the prefix, if it exists
   */
  readonly aliasKey?: string
  /**
   * If true, the provider also follows changes below the prefix that the alias names. If false, it reads that prefix once after
   * each write of the alias, because a version is complete when the alias names it. Without an alias, it always follows changes.
   *
   * @default false
   */
  readonly followTarget?: boolean
  /**
   * If false, the provider reads until one configuration is live, then stops.
   *
   * @default true
   */
  readonly watch?: boolean
  /**
   * Milliseconds without another change that the provider waits for, after a change of keys that it follows. So a burst of
   * writes becomes one switch. A burst that does not end is read after ten times this long. The alias key is read at once.
   *
   * @default 100
   */
  readonly debounceMs?: number
  /**
   * The alias value must be this prefix or a path below it. Any other value is rejected with `PROXY_ALIAS_INVALID`.
   *
   * @default any absolute path
   */
  readonly allowedPrefix?: string
  /**
   * If true, a configuration without frontends may go live. If false, it is rejected, and the last configuration serves on.
   *
   * @default false
   */
  readonly allowEmpty?: boolean
  /**
   * Bytes of all keys and values below a prefix, at most. A larger configuration is rejected with `PROXY_CONFIG_UNUSABLE`.
   *
   * @default 64 MiB
   */
  readonly maxBytes?: number
  /**
   * Milliseconds between two documents that the proxy takes from this provider, at least. In a burst, it takes the first
   * document at once and then the newest.
   *
   * @default 0 (each document is taken as it comes)
   */
  readonly throttleMs?: number
  /**
   * The provider's name, unique among the providers of a proxy. Frontends are shown as `frontend@name`.
   *
   * @default `etcd` in `EtcdProvider`, `consul` in `ConsulProvider`
   */
  readonly name?: string
}

/** The names of all options in `KvOptions`. */
export const KV_OPTIONS = [
  'prefix',
  'aliasKey',
  'followTarget',
  'watch',
  'debounceMs',
  'allowedPrefix',
  'allowEmpty',
  'maxBytes',
  'throttleMs',
  'name',
] as const

/** The default of `maxBytes`. */
export const DEFAULT_MAX_BYTES = 64 * 1024 * 1024

/**
 * Refuses options with values of the wrong kind.
 *
 * @param who the class whose options these are, for messages
 * @throws ProxyError `PROXY_OPTION_INVALID` that names the option, the expected and the found value
 */
export function checkKvOptions(options: KvOptions, who: string): void {
  const refuse = (name: keyof KvOptions, expected: string) => {
    const message = `${who}: ${name}: expected ${expected}, found ${describeValue(options[name])}`
    return new ProxyError('PROXY_OPTION_INVALID', message)
  }
  for (const name of ['prefix', 'aliasKey', 'allowedPrefix'] as const) {
    const value = options[name]
    if (value !== undefined && (typeof value !== 'string' || value === '')) throw refuse(name, 'a text')
  }
  for (const name of ['followTarget', 'watch', 'allowEmpty'] as const) {
    if (typeof (options[name] ?? false) !== 'boolean') throw refuse(name, 'true or false')
  }
  positiveOption(options.maxBytes, `${who}: maxBytes`)
  for (const name of ['debounceMs', 'throttleMs'] as const) {
    if (options[name] !== 0) positiveOption(options[name], `${who}: ${name}`)
  }
}
