import { describeValue } from '../../base/messages.js'
import { ProxyError } from '../../model/errors.js'
import { parseAliasValue } from '../alias-value.js'

/**
 * The prefix of a provider. It converts between paths, which begin with a slash, and the keys of a store, which may have none:
 * etcd's usually begin with a slash, Consul's never do.
 */
export class KvPrefix {
  /** The prefix as a path. It begins with a slash and does not end with one. */
  readonly path: string
  readonly #hasSlash: boolean

  /**
   * @param who the class whose option this is, for messages
   * @param hasSlash whether keys of the store begin with a slash
   * @throws ProxyError `PROXY_OPTION_INVALID` for a prefix that no alias value may name, and for the prefix of all keys
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

  /** Returns a path in the spelling of the store's keys: with the slash at its beginning, or without. */
  keyOf(path: string): string {
    return this.#hasSlash ? path : path.replace(/^\//, '')
  }

  /** Returns the path that an alias value of the store names. */
  pathOf(value: string | undefined): string | undefined {
    return this.#hasSlash || value === undefined ? value : withSlash(value)
  }
}

function withSlash(value: string): string {
  const trimmed = value.trim()
  return trimmed === '' || trimmed.startsWith('/') ? trimmed : `/${trimmed}`
}
