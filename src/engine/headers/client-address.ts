import { readClientAddress } from '../../base/cidr.js'
import { withoutBlanks } from './list-elements.js'
import type { PeerTrust } from './peer-trust.js'
import type { RequestHead } from './request-head.js'

/** The two addresses of a request, and whether the headers of the peer are believed. */
export interface Sender {
  /** The address at the other end of the socket, as `peerOf` returns it. */
  readonly peer: string
  /** Whether the peer is a trusted proxy. */
  readonly trusted: boolean
  /** The address of the client: the one that a trusted proxy reports, otherwise that of the peer. */
  readonly clientAddress: string
}

/** Returns from whom a request comes. Routing and the claim of an upgrade both use it, so that they agree. */
export function senderOf(head: RequestHead, trust: PeerTrust): Sender {
  const peer = peerOf(head)
  const trusted = trust.trusts(head, peer)
  return { peer, trusted, clientAddress: trusted ? clientOf(peer, chainOf(head), trust) : peer }
}

/**
 * Returns the IP address of the client, as reported by the trusted proxies in front of this proxy.
 *
 * @param peer the address of the socket's peer, which is a trusted proxy
 * @param forwardedFor the value of the peer's `X-Forwarded-For` header
 * @returns the last address in `X-Forwarded-For` that is not that of a trusted proxy, in normal form. If
 *   all addresses are trusted, it is the first address. If there is no address, it is `peer`. It is `''`
 *   if a later element of the list is not an address, such as `unknown` or `_hidden`. The proxy that wrote
 *   such an element knew the client and did not name it, so the elements before it cannot be trusted
 */
export function clientOf(peer: string, forwardedFor: string | undefined, trust: PeerTrust): string {
  if (forwardedFor === undefined) return peer
  let client = peer
  // Reads the list from its end, without splitting it. In most requests, only the last element is needed.
  for (let end = forwardedFor.length; end > 0; ) {
    const comma = forwardedFor.lastIndexOf(',', end - 1)
    const element = withoutBlanks(forwardedFor, comma + 1, end)
    end = comma
    // Skips an empty element of the list, because it means nothing (RFC 9110, 5.6.1.2).
    if (element === '') continue
    const address = addressInElement(element)
    if (address === undefined) return ''
    client = address
    if (!trust.trustsAddress(address)) break
  }
  return client
}

/**
 * Returns the value of a request's `X-Forwarded-For` header. Node joins the values of several such headers by commas, in order.
 */
export function chainOf(head: RequestHead): string | undefined {
  return head.headers['x-forwarded-for'] as string | undefined
}

/**
 * Matches an address with a port or in brackets, such as `203.0.113.7:41234`,
 * `[2001:db8::1]` and `[2001:db8::1]:443`. An IPv6 address without brackets has no port.
 */
const WITH_PORT_OR_BRACKETS = /^(?:\[([^[\]]+)\]|([\d.]+))(?::(\d{1,5}))?$/
/** Maximum number of characters in a list element that is parsed. An address with a zone, brackets and a port is shorter. */
const MAX_ELEMENT = 128

/**
 * Returns the address in a list element of `X-Forwarded-For`, in normal form, without
 * its port and its zone (`%eth0`). Returns undefined if the element is not an address.
 */
export function addressInElement(element: string): string | undefined {
  if (element.length > MAX_ELEMENT) return undefined
  const bare = readClientAddress(element)
  if (bare) return bare.text
  const [, bracketed, plain, port = '0'] = WITH_PORT_OR_BRACKETS.exec(element) ?? []
  const address = bracketed ?? plain
  return address === undefined || Number(port) > 65_535 ? undefined : readClientAddress(address)?.text
}

/**
 * Returns the IP address at the other end of a request's socket. It is `''` on a Unix socket, and after
 * the connection has closed. An IPv4 address comes without the prefix `::ffff:` that a dual-stack listener
 * adds. A link-local IPv6 address comes without its zone (`%eth0`), which means nothing on other machines.
 */
export function peerOf(head: RequestHead): string {
  const address = head.connection.peerAddress
  if (address === undefined) return ''
  // Returns the address unchanged if it is neither an IPv4-mapped address
  // nor has a zone. Node already writes all others in normal form.
  if (!address.includes(':') || !(address.includes('.') || address.includes('%'))) return address
  return readClientAddress(address)?.text ?? address
}
