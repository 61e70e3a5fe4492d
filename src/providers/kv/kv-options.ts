import { positiveOption } from '../../base/known-options.js'
import { describeValue } from '../../base/messages.js'
import { ProxyError } from '../../model/errors.js'

/** Which keys of a store make a configuration. Source: Traefik 1.7's KV providers. */
export interface KvOptions {
  /** What the configuration's keys stand below: `frontends/...` and `backends/...` in Traefik 1.7's layout. */
  readonly prefix?: string
  /**
   * The key whose value is the prefix that is read instead. Default: the key `alias` below the prefix, where there is one; a key
   * that is given must be there.
   */
  readonly aliasKey?: string
  /**
   * Whether changes below the prefix that an alias names are followed too. Default false: a version is finished when it is named.
   * Without an alias, changes are always followed.
   */
  readonly followTarget?: boolean
  /** Whether anything is followed. Default true; else what is there at the start serves until the end. */
  readonly watch?: boolean
  /**
   * After a change of a tree that is followed, the store must be left alone for so many milliseconds, so that a burst is one
   * switch; one that does not end is read after ten times as many. An alias is read at once. Default 100.
   */
  readonly debounceMs?: number
  /** The alias value must be this prefix or stand below it. Default: any absolute path. */
  readonly allowedPrefix?: string
  /** Whether a configuration without frontends may go live. Default false. */
  readonly allowEmpty?: boolean
  /** Of all keys and values below a prefix. Default 64 MiB. */
  readonly maxBytes?: number
  /** Of a burst of documents, at most one in so many milliseconds is taken. Default 0: each, as it comes. */
  readonly throttleMs?: number
  /** The provider's name. */
  readonly name?: string
}

/** The names of these options. */
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

export const DEFAULT_MAX_BYTES = 64 * 1024 * 1024

/** @param who whose options these are, for messages @throws ProxyError `PROXY_OPTION_INVALID` */
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
