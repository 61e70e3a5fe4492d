import { quote } from '../../base/messages.js'
import { ProxyError } from '../../model/errors.js'
import { DOCUMENT_LIMITS } from '../json-limits.js'

/** The longest of the layout are a tenth of it, and a key stands in messages. */
const MAX_KEY_LENGTH = 8_192
/** Items of a list that stands in one value, with commas. */
const MAX_ITEMS = 10_000

/** Counts what is read below a prefix, so that a store cannot fill the memory: values, lists, and lengths of keys. */
export class KeyCounts {
  readonly #prefix: string
  #values = 0

  constructor(prefix: string) {
    this.#prefix = prefix
  }

  /**
   * Counts one key.
   *
   * @param isOfLayout whether it belongs to the document; the others are left out, however long they are
   * @throws ProxyError `PROXY_CONFIG_UNUSABLE` that names the key and the limit
   */
  key(key: string, isOfLayout: boolean): void {
    this.#values += 1
    const { maxValues } = DOCUMENT_LIMITS
    if (this.#values > maxValues) throw this.#unusable(`more than ${maxValues} values`, key)
    if (isOfLayout && key.length > MAX_KEY_LENGTH)
      throw this.#unusable(`the key has ${key.length} characters; expected at most ${MAX_KEY_LENGTH}`, key)
  }

  /** Counts a list before it is made. @throws ProxyError `PROXY_CONFIG_UNUSABLE` */
  items(key: string, text: string): void {
    let items = 1
    for (let at = text.indexOf(','); at >= 0; at = text.indexOf(',', at + 1)) items += 1
    if (items > MAX_ITEMS)
      throw this.#unusable(`a list of ${items} items; expected at most ${MAX_ITEMS}`, key)
    this.#values += items
  }

  #unusable(flaw: string, key: string): ProxyError {
    return new ProxyError('PROXY_CONFIG_UNUSABLE', `${quote(`${this.#prefix}/${key}`)}: ${flaw}`)
  }
}
