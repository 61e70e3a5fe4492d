import { randomBytes } from 'node:crypto'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { TLSSocket } from 'node:tls'
import { VALID_AUTHORITY } from '../../base/normalize-host.js'
import { chainOf } from './client-address.js'
import { forwardedChain, withoutZones } from './forwarded-chain.js'
import { firstOf, withoutEmptyElements } from './list-elements.js'
import type { UnderscoreHeaders } from './proxy-fields.js'

/** The client and its connection, as the forwarding headers report them to a server. */
export interface ForwardedFor {
  readonly peer: string
  /** The client's address; `''` if it has none. */
  readonly clientAddress: string
  readonly trusted: boolean
  /** Host and port as the client wrote them. */
  readonly authority: string
}

/** Settings of the forwarding headers, the same for all requests. */
export interface Forwarding {
  /** This proxy's name in `Via`. */
  readonly id: string
  /** Whether servers get `Forwarded` too. */
  readonly forwardedHeader: boolean
  /** What happens to request headers whose names servers may read as those of the proxy's own headers. */
  readonly underscoreHeaders: UnderscoreHeaders
}

/**
 * Returns the settings, with a random id for this proxy. A request whose `Via` holds the id has come through this proxy before.
 */
export function forwardingOf({
  forwardedHeader = false,
  underscoreHeaders = 'drop',
}: Partial<Forwarding>): Forwarding {
  return { id: `switchover-${randomBytes(4).toString('hex')}`, forwardedHeader, underscoreHeaders }
}

const NO_HEADERS: IncomingHttpHeaders = {}

/** Appends the forwarding headers. They come last, so that no `Connection` token can remove them (CVE-2024-45410). */
export function pushForwarding(
  headers: string[],
  req: IncomingMessage,
  about: ForwardedFor,
  how: Forwarding,
): void {
  const { peer, clientAddress, trusted, authority } = about
  const believed = trusted ? req.headers : NO_HEADERS
  const proto = forwardedProto(believed) ?? ((req.socket as TLSSocket).encrypted ? 'https' : 'http')
  const host = forwardedHost(believed) ?? authority
  const port = forwardedPort(believed) ?? portOf(host, proto)
  const chain = trusted ? hopsOf(req, peer) : peer
  if (chain !== '') headers.push('X-Forwarded-For', chain)
  headers.push('X-Forwarded-Proto', proto)
  if (host !== '') headers.push('X-Forwarded-Host', host)
  headers.push('X-Forwarded-Port', port)
  if (clientAddress !== '') headers.push('X-Real-Ip', clientAddress)
  if (how.forwardedHeader) pushForwarded(headers, req, trusted, forwardedElement(peer, how.id, host, proto))
  headers.push('Via', `${req.httpVersion} ${how.id}`)
}

/**
 * Returns the chain of addresses that a trusted proxy sent, with that
 * proxy's own address at the end. A proxy on a Unix socket has no address.
 */
function hopsOf(req: IncomingMessage, peer: string): string {
  const chain = chainOf(req)
  const before = chain === undefined ? '' : withoutZones(withoutEmptyElements(chain))
  return before === '' || peer === '' ? before || peer : `${before}, ${peer}`
}

/**
 * Appends one `Forwarded` field with the chain of earlier hops and this
 * proxy's hop. Two fields in an unclear order would be two chains.
 */
function pushForwarded(headers: string[], req: IncomingMessage, trusted: boolean, element: string): void {
  if (!trusted) {
    headers.push('Forwarded', element)
    return
  }
  removeField(headers, 'forwarded')
  const before = forwardedChain(req.headers.forwarded, chainOf(req))
  headers.push('Forwarded', before === undefined ? element : `${before}, ${element}`)
}

/** Returns one hop in the form of RFC 7239, section 4. Values that are not plain tokens stand in quotes. */
function forwardedElement(peer: string, id: string, host: string, proto: string): string {
  const address = peer.includes(':') ? `"[${peer}]"` : peer
  const ofHost = host === '' ? '' : `;host="${host}"`
  return `for=${address || 'unknown'};by=_${id}${ofHost};proto=${proto}`
}

/**
 * Removes all lines of a field.
 *
 * @param headers names and values in turn, changed in place
 */
function removeField(headers: string[], lower: string): void {
  for (let index = headers.length - 2; index >= 0; index -= 2)
    if (headers[index]?.toLowerCase() === lower) headers.splice(index, 2)
}

/** Schemes that a trusted proxy may send. Traefik sends `ws` and `wss` for WebSockets. */
const PROTOS = new Set(['http', 'https', 'ws', 'wss'])

/**
 * Returns the scheme that the client used. The first element of the list counts, because each proxy that appends
 * adds its own scheme after the client's. Returns undefined for any other word, which servers would take for a fact.
 */
function forwardedProto(believed: IncomingHttpHeaders): string | undefined {
  const proto = firstOf(believed['x-forwarded-proto'])?.toLowerCase()
  return proto !== undefined && PROTOS.has(proto) ? proto : undefined
}

/** Returns the host that the client asked for: the first element of `X-Forwarded-Host`. Returns undefined if it is not a host. */
function forwardedHost(believed: IncomingHttpHeaders): string | undefined {
  const host = firstOf(believed['x-forwarded-host'])
  return host !== undefined && VALID_AUTHORITY.test(host) ? host : undefined
}

/** Returns the port that the client asked for: the first element of `X-Forwarded-Port`. Returns undefined if it is not a port. */
function forwardedPort(believed: IncomingHttpHeaders): string | undefined {
  const port = firstOf(believed['x-forwarded-port'])
  return port !== undefined && isPort(port) ? port : undefined
}

function portOf(authority: string, proto: string): string {
  const colon = authority.lastIndexOf(':')
  // After the last colon of an IPv6 address without a port comes text that ends with a bracket, so it is not a port.
  if (colon >= 0) {
    const port = authority.slice(colon + 1)
    if (isPort(port)) return port
  }
  return proto === 'https' || proto === 'wss' ? '443' : '80'
}

function isPort(text: string): boolean {
  return /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535
}
