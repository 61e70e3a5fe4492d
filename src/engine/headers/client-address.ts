import type { IncomingMessage } from 'node:http'
import { readClientAddress } from '../../base/cidr.js'
import { withoutBlanks } from './list-elements.js'
import type { PeerTrust } from './peer-trust.js'

/**
 * Who asked, as the proxies in front say it.
 *
 * @param peer the address of the peer, which is trusted
 * @param forwardedFor its `X-Forwarded-For`, several lines joined by commas
 * @returns from the right the first address that is not trusted; if all are, the leftmost; the peer's if none is named. In
 *   normal form. `''` if the walk comes to an element that is no address (`unknown`, `_hidden`, rubbish): its writer
 *   knows the client and does not say, and what stands left of it is hearsay.
 */
export function clientOf(peer: string, forwardedFor: string | undefined, trust: PeerTrust): string {
  if (forwardedFor === undefined) return peer
  let client = peer
  // From the right, without a list of all elements: most chains end at their last one.
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

/** `X-Forwarded-For`, as Node gives it: several lines joined by commas, in their order. */
export function chainOf(req: IncomingMessage): string | undefined {
  return req.headers['x-forwarded-for'] as string | undefined
}

/** `203.0.113.7:41234`, `[2001:db8::1]`, `[2001:db8::1]:443`; IPv6 without brackets has no port. */
const WITH_PORT_OR_BRACKETS = /^(?:\[([^[\]]+)\]|([\d.]+))(?::(\d{1,5}))?$/
/** An address with a zone, brackets and a port is shorter; of a longer text nothing is read. */
const MAX_ELEMENT = 128

/** The address in an element of `X-Forwarded-For`, in normal form, without port and zone; undefined if it is none. */
export function addressInElement(element: string): string | undefined {
  if (element.length > MAX_ELEMENT) return undefined
  const bare = readClientAddress(element)
  if (bare) return bare.text
  const [, bracketed, plain, port = '0'] = WITH_PORT_OR_BRACKETS.exec(element) ?? []
  const address = bracketed ?? plain
  return address === undefined || Number(port) > 65_535 ? undefined : readClientAddress(address)?.text
}

/**
 * The socket's address; `''` on a Unix socket, and where the connection is gone. IPv4 without the `::ffff:` that a
 * dual-stack listener puts before it; a link-local address without its zone, which means nothing to anybody else.
 */
export function peerOf(req: IncomingMessage): string {
  const address = req.socket.remoteAddress
  if (address === undefined) return ''
  // Node writes all others in their normal form.
  if (!address.includes(':') || !(address.includes('.') || address.includes('%'))) return address
  return readClientAddress(address)?.text ?? address
}
