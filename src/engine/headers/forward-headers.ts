import type { IncomingMessage } from 'node:http'
import { ProxyError } from '../../model/errors.js'
import { type ForwardedFor, type Forwarding, pushForwarding } from './forwarding-headers.js'
import { HOP_BY_HOP, kindOfField, notForwarded } from './proxy-fields.js'
import type { RawFields } from './raw-fields.js'
import { responseName } from './response-names.js'

/**
 * The headers that a server gets, names and values in turn, `Host` first: what came, in its order and case, and our
 * `X-Forwarded-*`. The table of proxy-fields.ts says which fields do not go on. What `Connection` names does not either.
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

/** Only a proxy that counts down ends a circle (RFC 9110, 7.6.2). What is no number is not for us to mend. */
function oneLess(value: string): string {
  return /^\d{1,100}$/.test(value) ? String(BigInt(value) - 1n) : value
}

/**
 * The headers that the client gets, names and values in turn, as the server sent them, without hop-by-hop fields.
 *
 * @param raw names and values in turn, as undici read them
 * @param mayHaveTrailers whether the client could be sent trailers, and so may be told of them; nothing for a response
 *   that switches protocols, which has no body
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
    // Node writes trailers behind chunks alone, and throws if a head with a length announces any.
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

/** A line of a list behind those before it (RFC 9110, 5.3). */
function appended(list: string | undefined, line: string): string {
  return list === undefined ? line : `${list},${line}`
}

// undici undoes chunks alone: the body would arrive in a coding of which the client is not told (RFC 9112, 6.1).
function checkCoding(coding: string): void {
  if (coding.trim().toLowerCase() === 'chunked') return
  throw new ProxyError('PROXY_BAD_RESPONSE', `the server sent Transfer-Encoding ${JSON.stringify(coding)}`)
}

/** Fields that frame or route a message, which a trailer must not change after the fact (RFC 9110, 6.5.1). */
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
 * The trailers that the client gets, as pairs, as the server sent them.
 *
 * @param raw names and values in turn
 * @param head the headers before them, whose `Connection` names trailers too
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

/** A field's value among names and values in turn, several lines joined; undefined without one. */
export function fieldOf(raw: RawFields, lower: string): string | undefined {
  const lines = raw.filter((_, index) => index % 2 === 1 && isNamed(raw[index - 1] ?? '', lower))
  return lines.length === 0 ? undefined : lines.map(text).join(',')
}

function isNamed(name: Buffer | string, lower: string): boolean {
  return name.length === lower.length && text(name).toLowerCase() === lower
}

// Header bytes are Latin-1 (RFC 9110, 5.5 calls them opaque): read so, they leave as they came.
function text(value: Buffer | string | undefined): string {
  return typeof value === 'string' ? value : (value?.toString('latin1') ?? '')
}

/** The fields that a `Connection` header names as its own; nothing for the usual values, which name none. */
export function namedByConnection(connection: string | undefined): Set<string> | undefined {
  if (connection === undefined || connection === 'keep-alive' || connection === 'close') return undefined
  return new Set(connection.split(',').map((token) => token.trim().toLowerCase()))
}
