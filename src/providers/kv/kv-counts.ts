import { quote } from '../../base/messages.js'
import { ProxyError } from '../../model/errors.js'
import { DOCUMENT_LIMITS } from '../json-limits.js'

/**
 * Maximum characters of a key. Keys are limited because error messages quote them. The longest valid keys have a tenth of this
 * length.
 */
const MAX_KEY_LENGTH = 8_192
/** Maximum items of a list that is written as one value, with commas between the items. */
const MAX_ITEMS = 10_000

/**
 * Counts the values and list items of one document, and checks the length of its keys. Without these limits, a store with too
 * many keys could exhaust the memory of the process.
 */
export class KeyCounts {
  readonly #prefix: string
  #values = 0

  /** Starts with a count of 0. @param prefix the prefix of the keys, for messages */
  constructor(prefix: string) {
    this.#prefix = prefix
  }

  /**
   * Counts one key and checks its length.
   *
   * @param isOfLayout whether the key belongs to the document. Other keys are ignored, so their length does not matter
   * @throws ProxyError `PROXY_CONFIG_UNUSABLE` if a limit is exceeded. The message names the key and the limit
   */
  key(key: string, isOfLayout: boolean): void {
    this.#values += 1
    const { maxValues } = DOCUMENT_LIMITS
    if (this.#values > maxValues) throw this.#unusable(`the keys hold more than ${maxValues} values`, key)
    if (isOfLayout && key.length > MAX_KEY_LENGTH)
      throw this.#unusable(`the key has ${key.length} characters; expected at most ${MAX_KEY_LENGTH}`, key)
  }

  /**
   * Counts the items in the text of a list before the list is created.
   *
   * @throws ProxyError `PROXY_CONFIG_UNUSABLE` if the list has too many items
   */
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
