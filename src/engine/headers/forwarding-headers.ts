import { randomBytes } from 'node:crypto'
import { VALID_AUTHORITY } from '../../base/normalize-host.js'
import { chainOf } from './client-address.js'
import { forwardedChain, withoutZones } from './forwarded-chain.js'
import { firstOf, withoutEmptyElements } from './list-elements.js'
import type { UnderscoreHeaders } from './proxy-fields.js'
import type { RequestHead, RequestHeaders } from './request-head.js'

/** The client and its connection, as the proxy reports them to a server in `X-Forwarded-*` and `Forwarded` headers. */
export interface ForwardedFor {
  /** The address at the other end of the client's connection; `''` if it has none. */
  readonly peerAddress: string
  /** The client's IP address; `''` if the address is not known. */
  readonly clientAddress: string
  readonly trusted: boolean
  /** Host name and port as the client wrote them in the request. */
  readonly authority: string
}

/** Settings for the `X-Forwarded-*`, `Forwarded` and `Via` headers that the proxy adds. They are the same for all requests. */
export interface Forwarding {
  /** The name of this proxy in the `Via` header. */
  readonly id: string
  /** Whether servers get the `Forwarded` header in addition to `X-Forwarded-*`. */
  readonly forwardedHeader: boolean
  /** What happens to a request header that servers may mistake for one of the proxy's own, such as `X_Forwarded_For`. */
  readonly underscoreHeaders: UnderscoreHeaders
}

/**
 * Returns the settings for the forwarding headers, with a random id for this proxy.
 * A request whose `Via` header holds that id has come through this proxy before.
 */
export function forwardingOf({
  forwardedHeader = false,
  underscoreHeaders = 'drop',
}: Partial<Forwarding>): Forwarding {
  return { id: `switchover-${randomBytes(4).toString('hex')}`, forwardedHeader, underscoreHeaders }
}

const NO_HEADERS: RequestHeaders = {}

/**
 * Appends the proxy's own headers, such as `X-Forwarded-For`, to the headers for a server. They
 * come last, so that no name in the client's `Connection` header can remove them (CVE-2024-45410).
 */
export function pushForwarding(
  headers: string[],
  head: RequestHead,
  about: ForwardedFor,
  how: Forwarding,
): void {
  const { peerAddress: peer, clientAddress, trusted, authority } = about
  const believed = trusted ? head.headers : NO_HEADERS
  const proto = forwardedProto(believed) ?? (head.connection.isEncrypted ? 'https' : 'http')
  const host = forwardedHost(believed) ?? authority
  const port = forwardedPort(believed) ?? portOf(host, proto)
  const chain = trusted ? hopsOf(head, peer) : peer
  if (chain !== '') headers.push('X-Forwarded-For', chain)
  headers.push('X-Forwarded-Proto', proto)
  if (host !== '') headers.push('X-Forwarded-Host', host)
  headers.push('X-Forwarded-Port', port)
  if (clientAddress !== '') headers.push('X-Real-Ip', clientAddress)
  if (how.forwardedHeader) pushForwarded(headers, head, trusted, forwardedElement(peer, how.id, host, proto))
  headers.push('Via', `${head.httpVersion} ${how.id}`)
}

/**
 * Returns the value for `X-Forwarded-For`: the addresses that a trusted proxy sent, followed
 * by the address of that proxy. A proxy that is connected over a Unix socket has no address.
 */
function hopsOf(head: RequestHead, peer: string): string {
  const chain = chainOf(head)
  const before = chain === undefined ? '' : withoutZones(withoutEmptyElements(chain))
  return before === '' || peer === '' ? before || peer : `${before}, ${peer}`
}

/**
 * Appends one `Forwarded` header that holds the earlier hops, if a trusted proxy sent them, and
 * this proxy's own hop. With two `Forwarded` headers, the order of the hops would be unclear.
 */
function pushForwarded(headers: string[], head: RequestHead, trusted: boolean, element: string): void {
  if (!trusted) {
    headers.push('Forwarded', element)
    return
  }
  removeField(headers, 'forwarded')
  const before = forwardedChain(head.headers.forwarded, chainOf(head))
  headers.push('Forwarded', before === undefined ? element : `${before}, ${element}`)
}

/**
 * Returns this proxy's hop as an element of the `Forwarded` header (RFC
 * 7239, section 4). Values that are not plain tokens stand in quotes.
 */
function forwardedElement(peer: string, id: string, host: string, proto: string): string {
  const address = peer.includes(':') ? `"[${peer}]"` : peer
  const ofHost = host === '' ? '' : `;host="${host}"`
  return `for=${address || 'unknown'};by=_${id}${ofHost};proto=${proto}`
}

/**
 * Removes all headers of one name from a list.
 *
 * @param headers names and values in turn, changed in place
 * @param lower the name in lower case
 */
function removeField(headers: string[], lower: string): void {
  for (let index = headers.length - 2; index >= 0; index -= 2)
    if (headers[index]?.toLowerCase() === lower) headers.splice(index, 2)
}

/** URL schemes that a trusted proxy may send in `X-Forwarded-Proto`. Traefik sends `ws` and `wss` for WebSockets. */
const PROTOS = new Set(['http', 'https', 'ws', 'wss'])

/**
 * Returns the URL scheme that the client used, from `X-Forwarded-Proto`. The first element of
 * the list in that header counts, because each proxy that appends adds its own scheme after
 * the client's. Returns undefined for an unknown scheme, because a server would believe it.
 */
function forwardedProto(believed: RequestHeaders): string | undefined {
  const proto = firstOf(believed['x-forwarded-proto'])?.toLowerCase()
  return proto !== undefined && PROTOS.has(proto) ? proto : undefined
}

/**
 * Returns the host name, maybe with a port, that the client asked for. It is the first
 * element of `X-Forwarded-Host`. Returns undefined if that element is not a valid host name.
 */
function forwardedHost(believed: RequestHeaders): string | undefined {
  const host = firstOf(believed['x-forwarded-host'])
  return host !== undefined && VALID_AUTHORITY.test(host) ? host : undefined
}

/**
 * Returns the port that the client asked for. It is the first element of
 * `X-Forwarded-Port`. Returns undefined if that element is not a port number.
 */
function forwardedPort(believed: RequestHeaders): string | undefined {
  const port = firstOf(believed['x-forwarded-port'])
  return port !== undefined && isPort(port) ? port : undefined
}

function portOf(authority: string, proto: string): string {
  const colon = authority.lastIndexOf(':')
  // The port is what follows the last colon. An IPv6 address without
  // a port ends with a bracket, so no part of it is taken for a port.
  if (colon >= 0) {
    const port = authority.slice(colon + 1)
    if (isPort(port)) return port
  }
  return proto === 'https' || proto === 'wss' ? '443' : '80'
}

function isPort(text: string): boolean {
  return /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535
}
