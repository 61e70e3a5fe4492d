import type { IncomingMessage } from 'node:http'
import type { TLSSocket } from 'node:tls'
import { ProxyError } from '../model/errors.js'
import { parseAddressKey } from '../rules/cidr.js'
import { HOP_BY_HOP, kindOfField, notForwarded, type UnderscoreHeaders } from './proxy-fields.js'
import type { RawFields } from './sent-request.js'

/** Who asked and how: what the forwarding headers tell the server. */
export interface ForwardedFor {
  readonly peer: string
  readonly clientAddress: string
  readonly trusted: boolean
  /** Host and port as the client wrote them. */
  readonly authority: string
  /** What this proxy calls itself in `Via`. */
  readonly id: string
  /** Whether to write `Forwarded` too. */
  readonly forwarded: boolean
  /** What becomes of names that look like the proxy's own to servers. */
  readonly underscoreHeaders: UnderscoreHeaders
}

/**
 * The headers that a server gets, names and values in turn, `Host` first: what came, in its order and case, and our
 * `X-Forwarded-*`. The table of proxy-fields.ts says which fields do not go on. What `Connection` names does not either.
 */
export function forwardRequestHeaders(req: IncomingMessage, about: ForwardedFor): string[] {
  const raw = req.rawHeaders
  const named = namedByConnection(req.headers.connection)
  const dropped = notForwarded(about.trusted, about.underscoreHeaders)
  const headers = ['host', about.authority]
  const counts = req.method === 'OPTIONS'
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index] as string
    if ((kindOfField(name) & dropped) !== 0 || named?.has(name.toLowerCase())) continue
    const value = raw[index + 1] as string
    headers.push(name, counts && name.toLowerCase() === 'max-forwards' ? oneLess(value) : value)
  }
  pushForwarding(headers, req, about)
  return headers
}

// Last, so that no Connection token can strip them (CVE-2024-45410).
function pushForwarding(headers: string[], req: IncomingMessage, about: ForwardedFor): void {
  const before = about.trusted ? req.headers : {}
  const chain = one(before['x-forwarded-for'])
  const proto = one(before['x-forwarded-proto']) ?? ((req.socket as TLSSocket).encrypted ? 'https' : 'http')
  const host = one(before['x-forwarded-host']) ?? about.authority
  const port = one(before['x-forwarded-port']) ?? portOf(host, proto)
  if (about.peer !== '')
    headers.push('X-Forwarded-For', chain === undefined ? about.peer : `${chain}, ${about.peer}`)
  headers.push('X-Forwarded-Proto', proto)
  if (host !== '') headers.push('X-Forwarded-Host', host)
  headers.push('X-Forwarded-Port', port)
  if (parseAddressKey(about.clientAddress) !== undefined) headers.push('X-Real-Ip', about.clientAddress)
  if (about.forwarded) headers.push('Forwarded', forwardedElement(about, host, proto))
  headers.push('Via', `${req.httpVersion} ${about.id}`)
}

/** One hop as RFC 7239 writes it, section 4; what is not a plain token stands in quotes. */
function forwardedElement({ peer, id }: ForwardedFor, host: string, proto: string): string {
  const address = peer.includes(':') ? `"[${peer}]"` : peer
  const parts = [`for=${peer === '' ? 'unknown' : address}`, `by=_${id}`]
  if (host !== '') parts.push(`host=${JSON.stringify(host)}`)
  parts.push(/^\w+$/.test(proto) ? `proto=${proto}` : `proto=${JSON.stringify(proto)}`)
  return parts.join(';')
}

/** Only a proxy that counts down ends a circle (RFC 9110, 7.6.2). What is no number is not for us to mend. */
function oneLess(value: string): string {
  return /^\d{1,100}$/.test(value) ? String(BigInt(value) - 1n) : value
}

function portOf(authority: string, proto: string): string {
  const port = /:(\d+)$/.exec(authority)?.[1]
  return port ?? (proto === 'https' || proto === 'wss' ? '443' : '80')
}

/** What a proxy before us said, if it said anything: elements of a list that are empty mean nothing (RFC 9110, 5.6.1.2). */
function one(value: string | string[] | undefined): string | undefined {
  const text = Array.isArray(value) ? value.join(', ') : value
  if (text === undefined || !/^\s*(?:,|$)|,\s*(?:,|$)/.test(text)) return text
  const elements = text.split(',').map((element) => element.trim())
  return elements.filter((element) => element !== '').join(', ') || undefined
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
  const connection: string[] = []
  let announces = mayHaveTrailers
  let announced = false
  for (let index = 0; index < raw.length; index += 2) {
    const name = text(raw[index])
    const value = text(raw[index + 1])
    const lower = name.toLowerCase()
    // Node writes trailers behind chunks alone, and throws if a head with a length announces any.
    if (lower === 'content-length') announces = false
    else if (lower === 'trailer') announced = true
    if (!HOP_BY_HOP.has(lower) || lower === 'trailer') headers.push(name, value)
    else if (lower === 'connection') connection.push(value)
    else if (lower === 'transfer-encoding' && mayHaveTrailers !== undefined) checkCoding(value)
  }
  const named = connection.length === 0 ? undefined : namedByConnection(connection.join(','))
  if (!named && (announces || !announced)) return headers
  return headers.filter((_, at) => {
    const lower = (headers[at & ~1] as string).toLowerCase()
    return !named?.has(lower) && (announces || lower !== 'trailer')
  })
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
