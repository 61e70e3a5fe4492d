import { validateHeaderName, validateHeaderValue } from 'node:http'
import { describeValue } from '../base/messages.js'
import { ProxyError } from '../model/errors.js'
import {
  foldName,
  HOP_BY_HOP,
  kindOfField,
  ORDINARY,
  type UnderscoreHeaders,
} from './headers/proxy-fields.js'

/** Fields that frame the message, belong to one connection, or are written by the proxy. A hook must not change them. */
const OUT_OF_REACH = new Set([...HOP_BY_HOP, 'content-length', 'expect', 'host', 'via'])

/**
 * The header lines of one message, in their order and case. All methods find names in any case.
 *
 * @example
 * onRequest: ({ headers }) => {
 *   headers.set('X-Tenant', headers.get('X-Org') ?? 'none')
 *   headers.delete('Cookie')
 * }
 */
export class HeaderList {
  readonly #raw: string[]
  readonly #twins: UnderscoreHeaders
  /** Names that the hook has written, in lower case. `#dropTwins` keeps these lines, even if they look like another. */
  #written: Set<string> | undefined
  /** Why the request is refused, if `twins` is `refuse` and a line of the client looked like a line of the hook. */
  #refused: string | undefined

  /**
   * Makes a list over an array of names and values.
   *
   * @param raw names and values in turn; the methods change this array
   * @param twins what to do with lines of the client that a server may read as a line that the hook writes or deletes
   */
  constructor(raw: string[], twins: UnderscoreHeaders = 'keep') {
    this.#raw = raw
    this.#twins = twins
  }

  /** Refuses the request if a line of the client looks like one that the hook wrote. @throws ProxyError `PROXY_BAD_REQUEST` */
  static refuseTwins(list: HeaderList): void {
    if (list.#refused !== undefined) throw new ProxyError('PROXY_BAD_REQUEST', list.#refused)
  }

  /**
   * Returns the values of all lines of a name, joined by `, `; `undefined` without such a line. For `Set-Cookie` use `getAll`.
   */
  get(name: string): string | undefined {
    const values = this.getAll(name)
    return values.length === 0 ? undefined : values.join(', ')
  }

  /**
   * Returns the value of each line of a name. `Set-Cookie` must be read like this, since its dates have commas (RFC 9110, 5.3).
   */
  getAll(name: string): string[] {
    const lower = name.toLowerCase()
    return this.#raw.filter((_, index) => index % 2 === 1 && this.#isNamed(index - 1, lower))
  }

  /**
   * Replaces all lines of a name by one line for each value. In a request this also removes lines of the client that a server may
   * take for the same name: `X_User` for `X-User` (option `underscoreHeaders`).
   *
   * @throws ProxyError `PROXY_HOOK_FAILED` if only the proxy may write the field, or the value is not a text
   * @throws TypeError from Node for a name or value that HTTP does not allow
   */
  set(name: string, value: string | readonly string[]): void {
    const values = [value].flat()
    for (const each of values) checkField(name, each)
    this.delete(name)
    for (const each of values) this.#push(name, each)
  }

  /** Adds one line. Lines of the client that look like it are removed, as by `set`. @throws ProxyError `PROXY_HOOK_FAILED` */
  append(name: string, value: string): void {
    checkField(name, value)
    this.#dropTwins(name.toLowerCase())
    this.#push(name, value)
  }

  /**
   * Removes all lines of a name, and lines of the client that look like it, as `set` does.
   *
   * @throws ProxyError `PROXY_HOOK_FAILED` if only the proxy may write the field
   */
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
   * Returns whether a server may read a line of the client as the name. Lines of the hook do not count. Nor do forwarding headers
   * of the proxy, because a hook may write `X_Forwarded_For` next to `X-Forwarded-For`.
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
  validateHeaderName(name)
  validateHeaderValue(name, value)
}

function checkReach(name: string): void {
  if (!OUT_OF_REACH.has(String(name).toLowerCase())) return
  throw new ProxyError('PROXY_HOOK_FAILED', `only the proxy may write the field ${name}`)
}
