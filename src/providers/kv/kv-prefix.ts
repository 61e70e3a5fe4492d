import { describeValue } from '../../base/messages.js'
import { ProxyError } from '../../model/errors.js'
import { parseAliasValue } from '../alias-value.js'

/** Where a configuration stands, in a store whose keys begin with a slash or in one whose keys do not. */
export class KvPrefix {
  /** With a slash, as alias values have it. */
  readonly path: string
  readonly #hasSlash: boolean

  /** @throws ProxyError `PROXY_OPTION_INVALID` */
  constructor(prefix: string, who: string, hasSlash = prefix.startsWith('/')) {
    this.#hasSlash = hasSlash
    try {
      this.path = parseAliasValue(withSlash(prefix))
      if (this.path === '/' || prefix !== prefix.trim())
        throw new Error('it names all keys, or begins with a blank')
    } catch (cause) {
      const message = `${who}: prefix: expected a path without ".." and "//", found ${describeValue(prefix)}`
      throw new ProxyError('PROXY_OPTION_INVALID', message, { cause })
    }
  }

  /** What keys of the store begin with, for a path. */
  keyOf(path: string): string {
    return this.#hasSlash ? path : path.replace(/^\//, '')
  }

  /** An alias value of the store as a path. */
  pathOf(value: string | undefined): string | undefined {
    return this.#hasSlash || value === undefined ? value : withSlash(value)
  }
}

function withSlash(value: string): string {
  const trimmed = value.trim()
  return trimmed === '' || trimmed.startsWith('/') ? trimmed : `/${trimmed}`
}
