import type { LoadBalancer } from '../model/config.js'
import type { RequestFacts } from '../model/request-facts.js'
import { type Candidate, isUsable, type Strategy } from './strategy.js'

/**
 * The number of points on the hash ring for a server of average weight. Rounding to a power of two can double this number. With
 * 160 points, a server's share of the keys differs from its fair share by at most a tenth.
 */
const POINTS = 160
const MOST_POINTS = 100_000

/**
 * The most points of the ring that a pick checks to find a server with room. After that, the pick searches the list of servers.
 */
const MOST_STEPS = 200

/** The most requests in flight on a server, as a multiple of the server's fair share of all requests in flight. */
const BOUND = 1.25

interface Point<U> {
  readonly at: number
  readonly upstream: U
}

/**
 * Creates the strategy "consistent hashing with bounded loads". A pick takes O(log n). Requests with the same key, such as one
 * client's address, go to the same server. If that server has 1.25 times its fair share of the requests in flight, the next
 * server on the ring gets them. When a server is removed, only the keys of that server move to other servers. Sources: Karger et
 * al., "Consistent Hashing". Mirrokni et al., "Consistent Hashing with Bounded Loads".
 */
export function balanceByHash<U extends Candidate>(
  upstreams: readonly U[],
  { hashBy = 'clientIp' }: LoadBalancer,
): Strategy<U> {
  const keyOf = keyReader(hashBy)
  /** The number of requests in flight on all servers together. `known` has each server's part of this sum. */
  let totalInFlight = 0
  const known = new Map<U, number>()
  for (const upstream of upstreams) {
    totalInFlight += upstream.inFlight
    known.set(upstream, upstream.inFlight)
  }
  let totalWeight = 0
  for (const { weight } of upstreams) totalWeight += weight
  const ring = ringOf(upstreams, totalWeight)
  /** The total weight of all available servers. With n servers, it is computed again once in n picks. */
  let availableWeight = 0
  let picksUntilWeighed = 0
  const weighAvailable = () => {
    picksUntilWeighed = upstreams.length
    availableWeight = 0
    for (const { weight, isAvailable } of upstreams) if (isAvailable) availableWeight += weight
  }
  const hasRoom = (upstream: U) =>
    upstream.inFlight < Math.ceil((BOUND * (totalInFlight + 1) * upstream.weight) / availableWeight)

  const pick = (skip?: ReadonlySet<U>, facts?: RequestFacts): U | undefined => {
    if (picksUntilWeighed-- <= 0) weighAvailable()
    const start = indexAfter(ring, hash(facts ? keyOf(facts) : ''))
    let first: U | undefined
    for (let step = 0; step < Math.min(ring.length, MOST_STEPS); step++) {
      const { upstream } = ring[(start + step) % ring.length] as Point<U>
      if (!isUsable(upstream, skip)) continue
      first ??= upstream
      if (hasRoom(upstream)) return upstream
    }
    return upstreams.find((upstream) => isUsable(upstream, skip) && hasRoom(upstream)) ?? first ?? anyOf(skip)
  }
  const anyOf = (skip: ReadonlySet<U> | undefined) => upstreams.find((upstream) => isUsable(upstream, skip))
  const changed = (upstream: U): void => {
    totalInFlight += upstream.inFlight - (known.get(upstream) ?? 0)
    known.set(upstream, upstream.inFlight)
  }
  return Object.assign(pick, { changed })
}

/** Returns the function that reads the hash key from a request. It never throws, because validation has checked `hashBy`. */
function keyReader(hashBy: string): (facts: RequestFacts) => string {
  const [, kind = hashBy, name = ''] = /^(header|cookie):(.+)$/.exec(hashBy) ?? []
  if (kind === 'path') return ({ path }) => path
  if (kind === 'header') {
    const header = name.toLowerCase()
    return ({ headers }) => String(headers[header] ?? '')
  }
  if (kind === 'cookie') return ({ headers }) => cookieOf(headers['cookie'] ?? '', name)
  return ({ clientAddress, peerAddress = '' }) => clientAddress || peerAddress
}

/**
 * Returns the value of a cookie, or an empty string. If several cookies have the name, the first one counts. RFC 6265, 4.2.2 does
 * not say which one must count.
 */
export function cookieOf(lines: string | readonly string[], name: string): string {
  for (const pair of [lines].flat().join(';').split(';')) {
    const equals = pair.indexOf('=')
    if (equals > 0 && pair.slice(0, equals).trim() === name) return pair.slice(equals + 1).trim()
  }
  return ''
}

/**
 * Returns the points of the hash ring, sorted by position. A server's points depend on its URL, address and weight, and as little
 * as possible on the other servers.
 */
function ringOf<U extends Candidate>(upstreams: readonly U[], totalWeight: number): readonly Point<U>[] {
  // This is the average weight of the servers, rounded down to a power of two. So adding or removing a server seldom changes how
  // many points another server has.
  const unit = 2 ** Math.floor(Math.log2(totalWeight / upstreams.length))
  const points = Math.min(POINTS, MOST_POINTS / upstreams.length)
  const ring = upstreams.flatMap((upstream) => {
    const count = Math.max(1, Math.round((points * upstream.weight) / unit))
    const { url, address } = upstream
    const identity = address === undefined ? url : `${url} ${address}`
    return Array.from({ length: count }, (_, nth) => ({ at: hash(`${identity} ${nth}`), upstream }))
  })
  return ring.sort((a, b) => a.at - b.at)
}

/** Returns the index of the first point at or after a position on the ring. If there is none, it returns the number of points. */
function indexAfter(ring: readonly { readonly at: number }[], point: number): number {
  let [from, to] = [0, ring.length]
  while (from < to) {
    const middle = (from + to) >> 1
    if ((ring[middle] as { at: number }).at < point) from = middle + 1
    else to = middle
  }
  return from
}

/**
 * Hashes a string with FNV-1a, then mixes the bits with the last step of MurmurHash3. Without the mixing, keys that differ in one
 * character would have hashes that are close together.
 */
export function hash(text: string): number {
  let value = 0x811c9dc5
  for (let index = 0; index < text.length; index++) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193)
  }
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35)
  return (value ^ (value >>> 16)) >>> 0
}
