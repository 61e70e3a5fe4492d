import { randomBytes } from 'node:crypto'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { TLSSocket } from 'node:tls'
import { VALID_AUTHORITY } from '../../base/normalize-host.js'
import { chainOf } from './client-address.js'
import { forwardedChain, withoutZones } from './forwarded-chain.js'
import { firstOf, withoutEmptyElements } from './list-elements.js'
import type { UnderscoreHeaders } from './proxy-fields.js'

/** Who asked: what the forwarding headers tell the server. */
export interface ForwardedFor {
  readonly peer: string
  /** `''`: it has none. */
  readonly clientAddress: string
  readonly trusted: boolean
  /** Host and port as the client wrote them. */
  readonly authority: string
}

/** How all requests are sent on. */
export interface Forwarding {
  /** What this proxy calls itself in `Via`. */
  readonly id: string
  /** Whether to write `Forwarded` too. */
  readonly forwardedHeader: boolean
  /** What becomes of names that look like the proxy's own to servers. */
  readonly underscoreHeaders: UnderscoreHeaders
}

/** The id is this proxy's own: a request whose `Via` names it has come through here before. */
export function forwardingOf({
  forwardedHeader = false,
  underscoreHeaders = 'drop',
}: Partial<Forwarding>): Forwarding {
  return { id: `switchover-${randomBytes(4).toString('hex')}`, forwardedHeader, underscoreHeaders }
}

const NOTHING_SAID: IncomingHttpHeaders = {}

/** Writes them last, so that no `Connection` token can strip them (CVE-2024-45410). */
export function pushForwarding(
  headers: string[],
  req: IncomingMessage,
  about: ForwardedFor,
  how: Forwarding,
): void {
  const { peer, clientAddress, trusted, authority } = about
  const said = trusted ? req.headers : NOTHING_SAID
  const proto = protoSaid(said) ?? ((req.socket as TLSSocket).encrypted ? 'https' : 'http')
  const host = hostSaid(said) ?? authority
  const port = portSaid(said) ?? portOf(host, proto)
  const chain = trusted ? hopsOf(req, peer) : peer
  if (chain !== '') headers.push('X-Forwarded-For', chain)
  headers.push('X-Forwarded-Proto', proto)
  if (host !== '') headers.push('X-Forwarded-Host', host)
  headers.push('X-Forwarded-Port', port)
  if (clientAddress !== '') headers.push('X-Real-Ip', clientAddress)
  if (how.forwardedHeader) pushForwarded(headers, req, trusted, forwardedElement(peer, how.id, host, proto))
  headers.push('Via', `${req.httpVersion} ${how.id}`)
}

/** What a trusted proxy said of those before it, as it said it, and that proxy itself; one on a Unix socket has no address. */
function hopsOf(req: IncomingMessage, peer: string): string {
  const chain = chainOf(req)
  const before = chain === undefined ? '' : withoutZones(withoutEmptyElements(chain))
  return before === '' || peer === '' ? before || peer : `${before}, ${peer}`
}

/** What was said before, and our own hop behind it, in one field: two fields in an unclear order would be two chains. */
function pushForwarded(headers: string[], req: IncomingMessage, trusted: boolean, element: string): void {
  if (!trusted) {
    headers.push('Forwarded', element)
    return
  }
  removeField(headers, 'forwarded')
  const before = forwardedChain(req.headers.forwarded, chainOf(req))
  headers.push('Forwarded', before === undefined ? element : `${before}, ${element}`)
}

/** One hop as RFC 7239 writes it, section 4; what is no plain token stands in quotes. */
function forwardedElement(peer: string, id: string, host: string, proto: string): string {
  const address = peer.includes(':') ? `"[${peer}]"` : peer
  const ofHost = host === '' ? '' : `;host="${host}"`
  return `for=${address || 'unknown'};by=_${id}${ofHost};proto=${proto}`
}

/** @param headers names and values in turn */
function removeField(headers: string[], lower: string): void {
  for (let index = headers.length - 2; index >= 0; index -= 2)
    if (headers[index]?.toLowerCase() === lower) headers.splice(index, 2)
}

/** Traefik writes the last two for WebSockets. */
const PROTOS = new Set(['http', 'https', 'ws', 'wss'])

/**
 * The scheme that the client used. The first of a list counts: each proxy that appends to one adds its own scheme behind that
 * of the client. Undefined for any other word, which servers would take for a fact.
 */
function protoSaid(said: IncomingHttpHeaders): string | undefined {
  const proto = firstOf(said['x-forwarded-proto'])?.toLowerCase()
  return proto !== undefined && PROTOS.has(proto) ? proto : undefined
}

/** The host that the client asked for: the first of a list too; undefined for what is no host. */
function hostSaid(said: IncomingHttpHeaders): string | undefined {
  const host = firstOf(said['x-forwarded-host'])
  return host !== undefined && VALID_AUTHORITY.test(host) ? host : undefined
}

/** The port that the client asked: the first of a list too; undefined for what is no port. */
function portSaid(said: IncomingHttpHeaders): string | undefined {
  const port = firstOf(said['x-forwarded-port'])
  return port !== undefined && isPort(port) ? port : undefined
}

function portOf(authority: string, proto: string): string {
  const colon = authority.lastIndexOf(':')
  // Of an IPv6 address without a port, what is behind the last colon ends with a bracket.
  if (colon >= 0) {
    const port = authority.slice(colon + 1)
    if (isPort(port)) return port
  }
  return proto === 'https' || proto === 'wss' ? '443' : '80'
}

function isPort(text: string): boolean {
  return /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535
}
