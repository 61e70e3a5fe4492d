import { describeValue } from '../base/messages.js'
import { TOKEN } from '../base/token.js'
import { ProxyError } from '../model/errors.js'
import type { HeaderList } from '../model/header-list.js'
import {
  foldName,
  HOP_BY_HOP,
  kindOfField,
  ORDINARY,
  type UnderscoreHeaders,
} from './headers/proxy-fields.js'

/**
 * Header fields that a hook must not change: they frame the message, belong to one connection, or are written by the proxy
 * itself.
 */
const OUT_OF_REACH = new Set([...HOP_BY_HOP, 'content-length', 'expect', 'host', 'via'])

/** The header lines of one message, in an array of names and values. */
export class HeaderLines implements HeaderList {
  readonly #raw: string[]
  readonly #twins: UnderscoreHeaders
  /** The header names that the hook has written, in lower case. `#dropTwins` never removes headers with these names. */
  #written: Set<string> | undefined
  /**
   * The message of the 400 error, if a client's header looks like one that the hook wrote and `underscoreHeaders` is `refuse`.
   */
  #refused: string | undefined

  /**
   * Creates the list on top of an array of header names and values.
   *
   * @param raw names and values alternate; the methods change this array
   * @param twins what to do with a client's header that looks like one that the hook writes, as `X_User` looks like `X-User`
   */
  constructor(raw: string[], twins: UnderscoreHeaders = 'keep') {
    this.#raw = raw
    this.#twins = twins
  }

  /**
   * Refuses the request if a client's header looks like one that the hook wrote, as `X_User` looks like `X-User`.
   *
   * @throws ProxyError `PROXY_BAD_REQUEST`
   */
  static refuseTwins(list: HeaderLines): void {
    if (list.#refused !== undefined) throw new ProxyError('PROXY_BAD_REQUEST', list.#refused)
  }

  get(name: string): string | undefined {
    const values = this.getAll(name)
    return values.length === 0 ? undefined : values.join(', ')
  }

  getAll(name: string): string[] {
    const lower = name.toLowerCase()
    return this.#raw.filter((_, index) => index % 2 === 1 && this.#isNamed(index - 1, lower))
  }

  set(name: string, value: string | readonly string[]): void {
    const values = [value].flat()
    for (const each of values) checkField(name, each)
    this.delete(name)
    for (const each of values) this.#push(name, each)
  }

  append(name: string, value: string): void {
    checkField(name, value)
    this.#dropTwins(name.toLowerCase())
    this.#push(name, value)
  }

  delete(name: string): void {
    checkReach(name)
    const lower = name.toLowerCase()
    for (let index = this.#raw.length - 2; index >= 0; index -= 2) {
      if (this.#isNamed(index, lower)) this.#raw.splice(index, 2)
    }
    this.#dropTwins(lower)
  }

  #push(name: string, value: string): void {
    this.#written ??= new Set()
    this.#written.add(name.toLowerCase())
    this.#raw.push(name, value)
  }

  #dropTwins(lower: string): void {
    if (this.#twins === 'keep') return
    const folded = foldName(lower)
    for (let index = this.#raw.length - 2; index >= 0; index -= 2) {
      const written = this.#raw[index] as string
      if (!this.#isTwin(written.toLowerCase(), lower, folded)) continue
      this.#raw.splice(index, 2)
      if (this.#twins === 'refuse')
        this.#refused = `to servers, the header ${written} looks like ${lower}, which onRequest writes`
    }
  }

  /**
   * Returns whether a server may read a client's header (`other`) as the header `lower`. Headers that the hook has written do not
   * count. Forwarding headers of the proxy do not count either, because a hook may write `X_Forwarded_For` next to
   * `X-Forwarded-For`.
   */
  #isTwin(other: string, lower: string, folded: string): boolean {
    if (other.length !== lower.length || other === lower || this.#written?.has(other)) return false
    return foldName(other) === folded && kindOfField(other) === ORDINARY
  }

  #isNamed(index: number, lower: string): boolean {
    return this.#raw[index]?.toLowerCase() === lower
  }
}

function checkField(name: string, value: string): void {
  checkReach(name)
  if (typeof value !== 'string') {
    throw new ProxyError('PROXY_HOOK_FAILED', `${name}: expected a text, found ${describeValue(value)}`)
  }
  if (!TOKEN.test(name))
    throw new ProxyError('PROXY_HOOK_FAILED', `${describeValue(name)} is not the name of a header`)
  if (NOT_IN_VALUES.test(value))
    throw new ProxyError('PROXY_HOOK_FAILED', `${name}: the value holds a character that no header may have`)
}

/** Matches a character that a header value must not hold (RFC 9110, 5.5). */
const NOT_IN_VALUES = /[^\t\x20-\x7e\x80-\xff]/

function checkReach(name: string): void {
  if (!OUT_OF_REACH.has(String(name).toLowerCase())) return
  throw new ProxyError('PROXY_HOOK_FAILED', `only the proxy may write the field ${name}`)
}
