import type { IncomingMessage } from 'node:http'
import { readClientAddress } from '../../base/cidr.js'
import { withoutBlanks } from './list-elements.js'
import type { PeerTrust } from './peer-trust.js'

/**
 * Returns the address of the client, as trusted proxies in front report it.
 *
 * @param peer the address of the peer, which is trusted
 * @param forwardedFor the peer's `X-Forwarded-For`, several lines joined by commas
 * @returns the first address from the right that is not trusted, in normal form. If all are trusted, the leftmost. If
 *   there is none, the peer's. `''` if the walk meets an element that is not an address, such as `unknown` or `_hidden`.
 *   The writer of that element knew the client and did not say, so the elements further left cannot be trusted
 */
export function clientOf(peer: string, forwardedFor: string | undefined, trust: PeerTrust): string {
  if (forwardedFor === undefined) return peer
  let client = peer
  // The walk starts from the right and splits no list, because most chains end at their last element.
  for (let end = forwardedFor.length; end > 0; ) {
    const comma = forwardedFor.lastIndexOf(',', end - 1)
    const element = withoutBlanks(forwardedFor, comma + 1, end)
    end = comma
    // An empty element of a list means nothing (RFC 9110, 5.6.1.2).
    if (element === '') continue
    const address = addressInElement(element)
    if (address === undefined) return ''
    client = address
    if (!trust.trustsAddress(address)) break
  }
  return client
}

/** Returns `X-Forwarded-For` as Node gives it: several lines joined by commas, in their order. */
export function chainOf(req: IncomingMessage): string | undefined {
  return req.headers['x-forwarded-for'] as string | undefined
}

/** Matches `203.0.113.7:41234`, `[2001:db8::1]` and `[2001:db8::1]:443`. IPv6 without brackets has no port. */
const WITH_PORT_OR_BRACKETS = /^(?:\[([^[\]]+)\]|([\d.]+))(?::(\d{1,5}))?$/
/** Maximum length of an element that is read. An address with a zone, brackets and a port is shorter. */
const MAX_ELEMENT = 128

/**
 * Returns the address in an element of `X-Forwarded-For`, in normal form,
 * without port and zone. Returns undefined if the element is not an address.
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
 * Returns the address of the socket's peer: `''` on a Unix socket, and after the connection
 * has closed. IPv4 comes without the `::ffff:` that a dual-stack listener puts before it. A
 * link-local address comes without its zone, which means nothing on other machines.
 */
export function peerOf(req: IncomingMessage): string {
  const address = req.socket.remoteAddress
  if (address === undefined) return ''
  // Node already writes all other addresses in normal form.
  if (!address.includes(':') || !(address.includes('.') || address.includes('%'))) return address
  return readClientAddress(address)?.text ?? address
}
