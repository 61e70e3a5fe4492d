import { describeValue } from '../../base/messages.js'
import { ProxyError } from '../../model/errors.js'
import { parseAliasValue } from '../alias-value.js'

/**
 * The prefix of a provider's keys. It converts between paths, which begin with a slash, and keys of the store, which may begin
 * without one. Keys in etcd usually begin with a slash, keys in Consul never do.
 */
export class KvPrefix {
  /** The prefix as a path, such as `/traefik`. It begins with a slash and does not end with one. */
  readonly path: string
  readonly #hasSlash: boolean

  /**
   * Parses the option `prefix`.
   *
   * @param who the class whose option this is, for messages
   * @param hasSlash whether keys of the store begin with a slash
   * @throws ProxyError `PROXY_OPTION_INVALID` for a prefix that would not be a valid alias value, and for `/`
   */
  constructor(prefix: string, who: string, hasSlash = prefix.startsWith('/')) {
    this.#hasSlash = hasSlash
    try {
      this.path = parseAliasValue(withSlash(prefix))
      if (this.path === '/' || prefix !== prefix.trim())
        throw new Error('it names all keys, or begins or ends with white space')
    } catch (cause) {
      const message = `${who}: prefix: expected a path without ".." and "//", found ${describeValue(prefix)}`
      throw new ProxyError('PROXY_OPTION_INVALID', message, { cause })
    }
  }

  /** Converts a path, which begins with a slash, to a key of the store, which may begin without one. */
  keyOf(path: string): string {
    return this.#hasSlash ? path : path.replace(/^\//, '')
  }

  /** Converts an alias value from the store to a path, which begins with a slash. */
  pathOf(value: string | undefined): string | undefined {
    return this.#hasSlash || value === undefined ? value : withSlash(value)
  }
}

function withSlash(value: string): string {
  const trimmed = value.trim()
  return trimmed === '' || trimmed.startsWith('/') ? trimmed : `/${trimmed}`
}
