import { positiveOption } from '../../base/known-options.js'
import { describeValue } from '../../base/messages.js'
import { ProxyError } from '../../model/errors.js'

/**
 * The common options of all providers that read a configuration from a key-value store, in which each key holds one field.
 * Source: Traefik 1.7's KV providers.
 *
 * @example
 * ```ts
 * const options: KvOptions = { prefix: '/traefik', aliasKey: '/traefik/dev/alias', allowedPrefix: '/traefik/dev' }
 * const provider = new EtcdProvider({ hosts: 'http://127.0.0.1:2379', ...options })
 * ```
 */
export interface KvOptions {
  /**
   * The prefix of the configuration's keys. Below it are `frontends/...` and `backends/...`, in Traefik 1.7's layout.
   *
   * @default `/traefik` in `EtcdProvider`, `traefik` in `ConsulProvider`
   */
  readonly prefix?: string
  /**
   * The alias key. The provider reads the configuration below the prefix that the value of the alias key names, instead of below
   * `prefix`. If this option is set, the alias key must exist. If neither the option nor the default key exists, the provider
   * reads `prefix` itself.
   *
   * @default the key `alias` below `prefix`, if it exists
   */
  readonly aliasKey?: string
  /**
   * If true, the provider also reads the configuration again after each change below the prefix that the alias names. If false,
   * the provider reads that prefix only after a write of the alias key, because a version is complete when the alias names it.
   * Without an alias, each change below `prefix` is read.
   *
   * @default false
   */
  readonly followTarget?: boolean
  /**
   * If false, the provider delivers configurations until one is live, and then stops.
   *
   * @default true
   */
  readonly watch?: boolean
  /**
   * After a change of a key, the provider waits until no key has changed for this many milliseconds. Then it reads all keys, so a
   * burst of writes causes only one new configuration. A burst that does not end is read after ten times this long. A change of
   * the alias key is read at once.
   *
   * @default 100
   */
  readonly debounceMs?: number
  /**
   * The alias value must be this prefix or a path below it. Any other alias value is rejected with `PROXY_ALIAS_INVALID`.
   *
   * @default any absolute path
   */
  readonly allowedPrefix?: string
  /**
   * If true, a configuration without frontends may go live. If false, it is rejected, and the last configuration continues to
   * serve.
   *
   * @default false
   */
  readonly allowEmpty?: boolean
  /**
   * Maximum bytes of all keys and values below a prefix. A larger configuration is rejected with `PROXY_CONFIG_UNUSABLE`.
   *
   * @default 64 MiB
   */
  readonly maxBytes?: number
  /**
   * Minimum milliseconds between two documents that the proxy accepts from this provider. In a burst, the proxy accepts the first
   * document at once, and later the newest one.
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

/**
 * Checks the value of each option, and refuses a wrong one.
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
