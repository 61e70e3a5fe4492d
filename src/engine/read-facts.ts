import { quote } from '../base/messages.js'
import { hostOf, VALID_AUTHORITY } from '../base/normalize-host.js'
import { normalizePath } from '../base/normalize-path.js'
import { ProxyError } from '../model/errors.js'
import type { RequestFacts } from '../model/request-facts.js'
import { hiddenFromRules, kindOfField, type UnderscoreHeaders } from './headers/proxy-fields.js'
import type { RequestHead } from './headers/request-head.js'

/** The properties of a request that rules test. The headers are collected only when a rule first reads one. */
export class LiveFacts implements RequestFacts {
  readonly method: string
  readonly host: string
  readonly path: string
  readonly query: string
  readonly clientAddress: string
  readonly peerAddress: string
  readonly entryPoint?: string
  /** Host name and port as the client wrote them. The `Host` header that the server gets has this value. */
  readonly authority: string
  /** Path and query as the server gets them, in normalised form. */
  readonly target: string
  /** The query of the URL with the leading `?`. If the URL has no query, this is `''`. */
  readonly search: string
  /** Whether the machine that connected to the proxy is a trusted proxy. */
  readonly trusted: boolean
  readonly #head: RequestHead
  /** The kinds of header fields that rules must not see, as a bit mask. `kindOfField` returns the kind of a field. */
  readonly #hidden: number
  #headers: RequestFacts['headers'] | undefined

  /**
   * Reads the method, the URL and the `Host` header of a request. Its other headers are read when a rule asks for them.
   *
   * @param clientAddress the normalised client address; `''` if the client has none
   * @param peerAddress the address that connected to the proxy; `''` on a Unix socket
   * @param trusted whether that peer is a trusted proxy; if not, rules do not see its forwarding headers
   * @param underscoreHeaders what becomes of headers with `_` in their names; rules see only the headers that servers get
   * @throws ProxyError `PROXY_BAD_REQUEST` if the URL or the `Host` header cannot be forwarded
   */
  constructor(
    head: RequestHead,
    clientAddress: string,
    peerAddress: string,
    trusted: boolean,
    entryPoint: string | undefined,
    underscoreHeaders: UnderscoreHeaders = 'drop',
  ) {
    const { authority, target } = splitTarget(head)
    const question = target.indexOf('?')
    this.method = head.method
    this.authority = authority
    this.host = hostOf(authority)
    this.path = normalizePath(question < 0 ? target : target.slice(0, question))
    // Refuse a path with a backslash, which RFC 3986 does not allow. Many servers read a backslash as a slash, so that they would
    // see another path than the rules do.
    if (this.path.includes('\\')) throw new ProxyError('PROXY_BAD_REQUEST', 'the path holds a backslash')
    this.query = question < 0 ? '' : target.slice(question + 1)
    this.search = question < 0 ? '' : target.slice(question)
    this.target = this.path + this.search
    this.clientAddress = clientAddress
    this.peerAddress = peerAddress
    if (entryPoint !== undefined) this.entryPoint = entryPoint
    this.trusted = trusted
    this.#head = head
    this.#hidden = hiddenFromRules(trusted, underscoreHeaders)
  }

  get headers(): RequestFacts['headers'] {
    this.#headers ??= gatherHeaders(this.#head.rawHeaders, this.#hidden)
    return this.#headers
  }
}

// Matches characters that are not allowed in the URL of a request, but that Node accepts. The proxy refuses such a request.
const FORBIDDEN_IN_TARGET = /[^\x21-\x7e]|#/

function splitTarget(head: RequestHead): { authority: string; target: string } {
  const { target: url } = head
  const host = head.headers.host ?? ''
  let authority = host
  let target = url
  if (!url.startsWith('/')) {
    // If the request line has a full URL (`GET http://a.test/ HTTP/1.1`), the URL's host and port replace the `Host` header (RFC
    // 9112, 3.2.2).
    const absolute = /^https?:\/\/([^/?]+)(.*)$/i.exec(url)
    if (!absolute)
      throw new ProxyError(
        'PROXY_BAD_REQUEST',
        `the target ${quote(url)} is neither a path nor an http or https URL`,
      )
    authority = absolute[1] as string
    const rest = absolute[2] as string
    target = rest.startsWith('/') ? rest : `/${rest}`
  }
  if (FORBIDDEN_IN_TARGET.test(target)) {
    throw new ProxyError('PROXY_BAD_REQUEST', 'the target holds a character that must be encoded')
  }
  // Check the `Host` header even if a full URL in the request line replaces it (RFC 9112, 3.2).
  const valid = VALID_AUTHORITY.test(authority) && (authority === host || VALID_AUTHORITY.test(host))
  if (!valid) throw new ProxyError('PROXY_BAD_REQUEST', 'the host is invalid')
  return { authority, target }
}

// Collects headers from `rawHeaders`. `head.headers` joins several lines of a name, and `head.headersDistinct` crashes older
// versions of Node on a header named `__proto__`.
function gatherHeaders(raw: readonly string[], hidden: number): RequestFacts['headers'] {
  const headers: Record<string, string | string[]> = Object.create(null)
  for (let index = 0; index < raw.length; index += 2) {
    const written = raw[index] as string
    // Skip headers that the proxy does not forward. A rule must not decide by a value that the server never sees.
    if ((kindOfField(written) & hidden) !== 0) continue
    const name = written.toLowerCase()
    const value = raw[index + 1] as string
    const before = headers[name]
    if (before === undefined) headers[name] = value
    else if (typeof before === 'string') headers[name] = [before, value]
    else before.push(value)
  }
  return headers
}
