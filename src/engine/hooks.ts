import { validateHeaderName, validateHeaderValue } from 'node:http'
import { asError, ProxyError } from '../model/errors.js'
import type { RequestFacts } from '../model/request-facts.js'
import { describeValue } from '../rules/document-shapes.js'
import { HOP_BY_HOP } from './forward-headers.js'

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

  /** @param raw names and values in turn; changed in place */
  constructor(raw: string[]) {
    this.#raw = raw
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
   * One line in the place of all of that name; of a list, a line for each of its values.
   *
   * @throws ProxyError `PROXY_HOOK_FAILED` if the field is out of reach or invalid
   */
  set(name: string, value: string | readonly string[]): void {
    const values = [value].flat()
    for (const each of values) checkField(name, each)
    this.delete(name)
    for (const each of values) this.#raw.push(name, each)
  }

  /** One more line. @throws ProxyError `PROXY_HOOK_FAILED` */
  append(name: string, value: string): void {
    checkField(name, value)
    this.#raw.push(name, value)
  }

  /** No line of that name any more. @throws ProxyError `PROXY_HOOK_FAILED` if the field is out of reach */
  delete(name: string): void {
    checkReach(name)
    const lower = name.toLowerCase()
    for (let index = this.#raw.length - 2; index >= 0; index -= 2) {
      if (this.#isNamed(index, lower)) this.#raw.splice(index, 2)
    }
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

// What it would do after a wait comes too late; and its failure would be nobody's, and end the process.
function refusePromise(answer: unknown): void {
  if (typeof (answer as PromiseLike<unknown> | null)?.then !== 'function') return
  Promise.resolve(answer).catch(() => {})
  throw new ProxyError('PROXY_HOOK_FAILED', 'the hook answers by a promise; hooks are synchronous')
}
