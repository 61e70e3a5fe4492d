import { quote } from '../../base/messages.js'
import { ProxyError } from '../../model/errors.js'
import { type ForwardedFor, type Forwarding, pushForwarding } from './forwarding-headers.js'
import { HOP_BY_HOP, kindOfField, notForwarded } from './proxy-fields.js'
import { type RawFields, textOfField } from './raw-fields.js'
import type { RequestHead } from './request-head.js'
import { responseName } from './response-names.js'

/**
 * Returns the request headers that a server gets: names and values in turn, `Host` first. The client's headers
 * keep their order and case, and the proxy's own `X-Forwarded-*` headers follow. The table in proxy-fields.ts
 * says which headers are left out. Headers that the client's `Connection` header names are left out too.
 */
export function forwardRequestHeaders(head: RequestHead, about: ForwardedFor, how: Forwarding): string[] {
  const raw = head.rawHeaders
  const named = namedByConnection(head.headers.connection)
  const dropped = notForwarded(about.trusted, how.underscoreHeaders)
  const headers = ['host', about.authority]
  const counts = head.method === 'OPTIONS'
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index] as string
    if ((kindOfField(name) & dropped) !== 0 || named?.has(name.toLowerCase())) continue
    const value = raw[index + 1] as string
    headers.push(name, counts && name.toLowerCase() === 'max-forwards' ? oneLess(value) : value)
  }
  pushForwarding(headers, head, about, how)
  return headers
}

/**
 * Returns the value of `Max-Forwards` minus one, which ends a routing loop
 * (RFC 9110, 7.6.2). A value that is not a number is returned unchanged.
 */
function oneLess(value: string): string {
  return /^\d{1,100}$/.test(value) ? String(BigInt(value) - 1n) : value
}

/**
 * Returns the response headers that the client gets: the server's headers in their order, without hop-by-hop headers.
 *
 * @param raw the server's header names and values in turn, as undici read them
 * @param mayHaveTrailers whether this client can get trailers (headers after the body), so that
 *   `Trailer` may announce them. Undefined for a response that switches protocols, because it has no body
 * @returns names and values in turn
 * @throws ProxyError `PROXY_BAD_RESPONSE` if the body has a transfer coding that the proxy did not ask for
 */
export function forwardResponseHeaders(raw: RawFields, mayHaveTrailers?: boolean): string[] {
  const headers: string[] = []
  let connection: string | undefined
  let announces = mayHaveTrailers
  let announced = false
  for (let index = 0; index < raw.length; index += 2) {
    const { text: name, lower, isHopByHop } = responseName(raw[index] as Buffer | string)
    const value = textOfField(raw[index + 1])
    // With a `Content-Length`, no trailers are announced. Node writes trailers
    // only after a chunked body, and throws for a head that has both.
    if (lower === 'content-length') announces = false
    else if (lower === 'trailer') announced = true
    if (!isHopByHop || lower === 'trailer') headers.push(name, value)
    else if (lower === 'connection') connection = appended(connection, value)
    else if (lower === 'transfer-encoding' && mayHaveTrailers !== undefined) checkCoding(value)
  }
  const named = namedByConnection(connection)
  if (!named && (announces || !announced)) return headers
  return headers.filter((_, at) => {
    const lower = (headers[at & ~1] as string).toLowerCase()
    return !named?.has(lower) && (announces || lower !== 'trailer')
  })
}

/** Joins a further line of a repeated header to the value of the lines before it, separated by a comma (RFC 9110, 5.3). */
function appended(list: string | undefined, line: string): string {
  return list === undefined ? line : `${list},${line}`
}

// Throws unless a response's transfer coding is `chunked`, because undici decodes no other. With another
// coding, the client would get a body whose coding the response head does not name (RFC 9112, 6.1).
function checkCoding(coding: string): void {
  if (coding.trim().toLowerCase() === 'chunked') return
  throw new ProxyError(
    'PROXY_BAD_RESPONSE',
    `the server sent Transfer-Encoding ${quote(coding)}; expected chunked alone`,
  )
}

/**
 * Names of headers that a trailer must not have: they frame, route or describe the
 * message, or hold cookies. A trailer comes too late to change them (RFC 9110, 6.5.1).
 */
const NOT_IN_TRAILERS = new Set([
  ...HOP_BY_HOP,
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'host',
  'set-cookie',
])

/**
 * Returns the trailers (headers after the body) that the client gets, as
 * pairs of name and value. Names and values stay as the server sent them.
 *
 * @param raw the server's trailer names and values in turn
 * @param head the response's headers, because the `Connection` header among them may exclude trailers too
 */
export function forwardTrailers(raw: RawFields, head: RawFields): [string, string][] {
  const trailers: [string, string][] = []
  const named = namedByConnection(fieldOf(head, 'connection'))
  for (let index = 0; index < raw.length; index += 2) {
    const name = textOfField(raw[index])
    const lower = name.toLowerCase()
    if (!NOT_IN_TRAILERS.has(lower) && !named?.has(lower)) trailers.push([name, textOfField(raw[index + 1])])
  }
  return trailers
}

/**
 * Returns the value of a header. If the header has several lines, their
 * values are joined by commas. Returns undefined if the header is absent.
 */
export function fieldOf(raw: RawFields, lower: string): string | undefined {
  const lines = raw.filter((_, index) => index % 2 === 1 && isNamed(raw[index - 1] ?? '', lower))
  return lines.length === 0 ? undefined : lines.map(textOfField).join(',')
}

function isNamed(name: Buffer | string, lower: string): boolean {
  return name.length === lower.length && textOfField(name).toLowerCase() === lower
}

/**
 * Returns the header names that a `Connection` header lists, in lower case. Returns undefined
 * without that header, and for its usual values `keep-alive` and `close`, which list no names.
 */
export function namedByConnection(connection: string | undefined): Set<string> | undefined {
  if (connection === undefined || connection === 'keep-alive' || connection === 'close') return undefined
  return new Set(connection.split(',').map((token) => token.trim().toLowerCase()))
}
