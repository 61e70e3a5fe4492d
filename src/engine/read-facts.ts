import type { IncomingMessage } from 'node:http'
import { quote } from '../base/messages.js'
import { hostOf, VALID_AUTHORITY } from '../base/normalize-host.js'
import { normalizePath } from '../base/normalize-path.js'
import { ProxyError } from '../model/errors.js'
import type { RequestFacts } from '../model/request-facts.js'
import { hiddenFromRules, kindOfField, type UnderscoreHeaders } from './headers/proxy-fields.js'

/** The facts of a live request. Its headers are gathered when a rule first reads one. */
export class LiveFacts implements RequestFacts {
  readonly method: string
  readonly host: string
  readonly path: string
  readonly query: string
  readonly clientAddress: string
  readonly peerAddress: string
  readonly entryPoint?: string
  /** The host and port as the client wrote them. A server gets this as `Host`. */
  readonly authority: string
  /** Path and query in normal form, as a server gets them. */
  readonly target: string
  /** The query with its `?`, or `''` if there is none. */
  readonly search: string
  /** Whether the peer is a trusted proxy. */
  readonly trusted: boolean
  readonly #req: IncomingMessage
  /** A mask of the kinds of fields that rules must not see, as `kindOfField` names them. */
  readonly #hidden: number
  #headers: RequestFacts['headers'] | undefined

  /**
   * @param clientAddress in normal form; `''` if the client has no address
   * @param peerAddress the address of the socket; `''` on a Unix socket
   * @param trusted whether the peer's forwarding headers are trusted; if not, rules do not see these headers
   * @param underscoreHeaders the option of that name; rules see only the headers that servers get
   * @throws ProxyError `PROXY_BAD_REQUEST` if the target or host cannot be forwarded
   */
  constructor(
    req: IncomingMessage,
    clientAddress: string,
    peerAddress: string,
    trusted: boolean,
    entryPoint: string | undefined,
    underscoreHeaders: UnderscoreHeaders = 'drop',
  ) {
    const { authority, target } = splitTarget(req)
    const question = target.indexOf('?')
    this.method = req.method ?? 'GET'
    this.authority = authority
    this.host = hostOf(authority)
    this.path = normalizePath(question < 0 ? target : target.slice(0, question))
    // Many servers read a backslash as a slash, so they would see another path than rules do. RFC 3986 does not allow it.
    if (this.path.includes('\\')) throw new ProxyError('PROXY_BAD_REQUEST', 'the path holds a backslash')
    this.query = question < 0 ? '' : target.slice(question + 1)
    this.search = question < 0 ? '' : target.slice(question)
    this.target = this.path + this.search
    this.clientAddress = clientAddress
    this.peerAddress = peerAddress
    if (entryPoint !== undefined) this.entryPoint = entryPoint
    this.trusted = trusted
    this.#req = req
    this.#hidden = hiddenFromRules(trusted, underscoreHeaders)
  }

  get headers(): RequestFacts['headers'] {
    this.#headers ??= gatherHeaders(this.#req.rawHeaders, this.#hidden)
    return this.#headers
  }
}

// node:http lets these characters through, and bytes over 0x7F in the target. The proxy refuses them before any server sees them.
const FORBIDDEN_IN_TARGET = /[^\x21-\x7e]|#/

function splitTarget(req: IncomingMessage): { authority: string; target: string } {
  const url = req.url ?? '/'
  const host = req.headers.host ?? ''
  let authority = host
  let target = url
  if (!url.startsWith('/')) {
    // In the absolute form, the authority of the target replaces `Host`, in routing too (RFC 9112, 3.2.2).
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
  // `Host` must be valid even if the target replaces it (RFC 9112, 3.2).
  const valid = VALID_AUTHORITY.test(authority) && (authority === host || VALID_AUTHORITY.test(host))
  if (!valid) throw new ProxyError('PROXY_BAD_REQUEST', 'the host is invalid')
  return { authority, target }
}

// `req.headers` joins lines. `req.headersDistinct` crashes older versions of Node on a header `__proto__`. So neither is used.
function gatherHeaders(raw: readonly string[], hidden: number): RequestFacts['headers'] {
  const headers: Record<string, string | string[]> = Object.create(null)
  for (let index = 0; index < raw.length; index += 2) {
    const written = raw[index] as string
    // Rules must not see headers that servers do not get. They would decide by a value that the server never sees.
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
