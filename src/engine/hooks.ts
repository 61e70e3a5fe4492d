import { validateHeaderName, validateHeaderValue } from 'node:http'
import { describeValue } from '../base/messages.js'
import { asError, ProxyError } from '../model/errors.js'
import { onRejected } from '../model/rejections.js'
import type { RequestFacts } from '../model/request-facts.js'
import {
  foldName,
  HOP_BY_HOP,
  kindOfField,
  ORDINARY,
  type UnderscoreHeaders,
} from './headers/proxy-fields.js'

/** A request that was routed, and the server that is about to get it. */
export interface RequestContext {
  readonly facts: RequestFacts
  /** As people see it: `frontend@provider`. */
  readonly frontend: string
  readonly backend: string
  readonly server: string
  /** What the server will get. */
  readonly headers: HeaderList
}

/** The head of a server's response. */
export interface ResponseContext extends RequestContext {
  readonly status: number
  /** What the client will get. */
  readonly headers: HeaderList
}

/**
 * Functions of the host that see, and may change, headers on their way. They are called synchronously; one that throws
 * makes the response a 500 (`PROXY_HOOK_FAILED`).
 */
export interface Hooks {
  /** After routing, before the first dispatch. Not called again for a retry. */
  readonly onRequest?: (context: RequestContext) => void
  /** Before the head of a server's response goes to the client. Not for our own error responses, nor for upgrades. */
  readonly onResponse?: (context: ResponseContext) => void
}

/** Those that frame the message or mean one connection: not a hook's to change. */
const OUT_OF_REACH = new Set([...HOP_BY_HOP, 'content-length', 'expect', 'host', 'via'])

/** Headers as they stand in a message: in their order and case, a line each. Names are found in any case. */
export class HeaderList {
  readonly #raw: string[]
  readonly #twins: UnderscoreHeaders
  /** In lower case: what the host has written stands, however it is spelt. */
  #written: Set<string> | undefined
  #refused: string | undefined

  /**
   * @param raw names and values in turn; changed in place
   * @param twins what becomes of the client's lines that servers read as ones that the host writes or deletes
   */
  constructor(raw: string[], twins: UnderscoreHeaders = 'keep') {
    this.#raw = raw
    this.#twins = twins
  }

  /** @throws ProxyError `PROXY_BAD_REQUEST` if such a line was there, and it is to be refused */
  static refuseTwins(list: HeaderList): void {
    if (list.#refused !== undefined) throw new ProxyError('PROXY_BAD_REQUEST', list.#refused)
  }

  /** The values of all lines of that name, joined by `, `; undefined if there is none. Not for `Set-Cookie`: see `getAll`. */
  get(name: string): string | undefined {
    const values = this.getAll(name)
    return values.length === 0 ? undefined : values.join(', ')
  }

  /** The value of each line of that name. Cookies must be read so: a date in one has a comma (RFC 9110, 5.3). */
  getAll(name: string): string[] {
    const lower = name.toLowerCase()
    return this.#raw.filter((_, index) => index % 2 === 1 && this.#isNamed(index - 1, lower))
  }

  /**
   * One line in the place of all of that name; of a list, a line for each of its values. In a request, lines of the
   * client go that servers may take for it (`X_User` for `X-User`; option `underscoreHeaders`).
   *
   * @throws ProxyError `PROXY_HOOK_FAILED` if the field is out of reach or invalid
   */
  set(name: string, value: string | readonly string[]): void {
    const values = [value].flat()
    for (const each of values) checkField(name, each)
    this.delete(name)
    for (const each of values) this.#push(name, each)
  }

  /** One more line; lines that look like it go, as for `set`. @throws ProxyError `PROXY_HOOK_FAILED` */
  append(name: string, value: string): void {
    checkField(name, value)
    this.#dropTwins(name.toLowerCase())
    this.#push(name, value)
  }

  /** No line of that name any more, nor any that looks like it, as for `set`. @throws ProxyError `PROXY_HOOK_FAILED` if the field is out of reach */
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

  /** Not a line of the proxy's own: a host that writes `X_Forwarded_For` beside it means to. */
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
  throw new ProxyError('PROXY_HOOK_FAILED', `the field ${name} is the proxy's own`)
}

/** @throws ProxyError `PROXY_HOOK_FAILED` whatever the hook threw */
export function runHook<T>(hook: (context: T) => void, context: T): void {
  try {
    const answer: unknown = hook(context)
    if (answer !== undefined) refusePromise(answer)
  } catch (thrown) {
    if (thrown instanceof ProxyError) throw thrown
    throw new ProxyError('PROXY_HOOK_FAILED', asError(thrown).message, { cause: thrown })
  }
}

/**
 * `onRequest`, with the lines that the server is about to get.
 *
 * @throws ProxyError `PROXY_HOOK_FAILED`; `PROXY_BAD_REQUEST` if the client sent what looks like a line of the hook's
 */
export function runRequestHook(
  hook: NonNullable<Hooks['onRequest']>,
  context: Omit<RequestContext, 'headers'>,
  lines: string[],
  twins: UnderscoreHeaders,
): void {
  const headers = new HeaderList(lines, twins)
  runHook(hook, { ...context, headers })
  HeaderList.refuseTwins(headers)
}

// What it would do after a wait comes too late; and its failure would be nobody's, and end the process.
function refusePromise(answer: unknown): void {
  if (typeof (answer as PromiseLike<unknown> | null)?.then !== 'function') return
  onRejected(answer, () => {})
  throw new ProxyError('PROXY_HOOK_FAILED', 'the hook answers by a promise; hooks are synchronous')
}
