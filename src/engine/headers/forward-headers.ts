import type { IncomingMessage } from 'node:http'
import { quote } from '../../base/messages.js'
import { ProxyError } from '../../model/errors.js'
import { type ForwardedFor, type Forwarding, pushForwarding } from './forwarding-headers.js'
import { HOP_BY_HOP, kindOfField, notForwarded } from './proxy-fields.js'
import type { RawFields } from './raw-fields.js'
import { responseName } from './response-names.js'

/**
 * Returns the headers that a server gets: names and values in turn, `Host` first. The client's
 * fields keep their order and case, and the proxy's `X-Forwarded-*` follow. The table in
 * proxy-fields.ts says which fields are left out. Fields that `Connection` names are left out too.
 */
export function forwardRequestHeaders(req: IncomingMessage, about: ForwardedFor, how: Forwarding): string[] {
  const raw = req.rawHeaders
  const named = namedByConnection(req.headers.connection)
  const dropped = notForwarded(about.trusted, how.underscoreHeaders)
  const headers = ['host', about.authority]
  const counts = req.method === 'OPTIONS'
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index] as string
    if ((kindOfField(name) & dropped) !== 0 || named?.has(name.toLowerCase())) continue
    const value = raw[index + 1] as string
    headers.push(name, counts && name.toLowerCase() === 'max-forwards' ? oneLess(value) : value)
  }
  pushForwarding(headers, req, about, how)
  return headers
}

/** Counts `Max-Forwards` down, which ends a routing loop (RFC 9110, 7.6.2). A value that is not a number stays as it is. */
function oneLess(value: string): string {
  return /^\d{1,100}$/.test(value) ? String(BigInt(value) - 1n) : value
}

/**
 * Returns the headers that the client gets: the server's fields in their order, without hop-by-hop fields.
 *
 * @param raw names and values in turn, as undici read them
 * @param mayHaveTrailers whether this client can get trailers, so that `Trailer` may
 *   announce them. Undefined for a response that switches protocols, because it has no body
 * @returns names and values in turn
 * @throws ProxyError `PROXY_BAD_RESPONSE` if the body is in a coding that was not asked for
 */
export function forwardResponseHeaders(raw: RawFields, mayHaveTrailers?: boolean): string[] {
  const headers: string[] = []
  let connection: string | undefined
  let announces = mayHaveTrailers
  let announced = false
  for (let index = 0; index < raw.length; index += 2) {
    const { text: name, lower, isHopByHop } = responseName(raw[index] as Buffer | string)
    const value = text(raw[index + 1])
    // Node writes trailers only after a chunked body. It throws if a head with `Content-Length` announces trailers.
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

/** Appends a line of a list field to the lines before it (RFC 9110, 5.3). */
function appended(list: string | undefined, line: string): string {
  return list === undefined ? line : `${list},${line}`
}

// undici decodes only `chunked`. With another coding, the client would
// get a body whose coding its head does not name (RFC 9112, 6.1).
function checkCoding(coding: string): void {
  if (coding.trim().toLowerCase() === 'chunked') return
  throw new ProxyError(
    'PROXY_BAD_RESPONSE',
    `the server sent Transfer-Encoding ${quote(coding)}; expected chunked alone`,
  )
}

/** Fields that frame, route or describe a message, and cookies. A trailer must not change them afterwards (RFC 9110, 6.5.1). */
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
 * Returns the trailers that the client gets, as pairs of name and value, as the server sent them.
 *
 * @param raw names and values in turn
 * @param head the response's headers, whose `Connection` field may name trailers too
 */
export function forwardTrailers(raw: RawFields, head: RawFields): [string, string][] {
  const trailers: [string, string][] = []
  const named = namedByConnection(fieldOf(head, 'connection'))
  for (let index = 0; index < raw.length; index += 2) {
    const name = text(raw[index])
    const lower = name.toLowerCase()
    if (!NOT_IN_TRAILERS.has(lower) && !named?.has(lower)) trailers.push([name, text(raw[index + 1])])
  }
  return trailers
}

/** Returns a field's value, several lines joined by commas. Returns undefined if there is no line. */
export function fieldOf(raw: RawFields, lower: string): string | undefined {
  const lines = raw.filter((_, index) => index % 2 === 1 && isNamed(raw[index - 1] ?? '', lower))
  return lines.length === 0 ? undefined : lines.map(text).join(',')
}

function isNamed(name: Buffer | string, lower: string): boolean {
  return name.length === lower.length && text(name).toLowerCase() === lower
}

// Header bytes are opaque (RFC 9110, 5.5). Decoded as Latin-1, they leave as they came.
function text(value: Buffer | string | undefined): string {
  return typeof value === 'string' ? value : (value?.toString('latin1') ?? '')
}

/**
 * Returns the field names that a `Connection` header lists, in lower
 * case. Returns undefined for the usual values, which list none.
 */
export function namedByConnection(connection: string | undefined): Set<string> | undefined {
  if (connection === undefined || connection === 'keep-alive' || connection === 'close') return undefined
  return new Set(connection.split(',').map((token) => token.trim().toLowerCase()))
}
