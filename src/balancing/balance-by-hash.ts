import type { LoadBalancer } from '../model/config.js'
import type { RequestFacts } from '../model/request-facts.js'
import { type Candidate, isUsable, type Strategy } from './strategy.js'

/**
 * Points on the hash ring for a server of average weight. Rounding to powers of two makes it up to twice as many. With 160
 * points, each server's share of the keys is within a tenth of what it should be.
 */
const POINTS = 160
const MOST_POINTS = 100_000

/** The most points of the ring that a pick visits to find a server with room. After that, it searches the list of servers. */
const MOST_STEPS = 200

/** The most requests in flight on a server, as a multiple of its fair share. */
const BOUND = 1.25

interface Point<U> {
  readonly at: number
  readonly upstream: U
}

/**
 * Consistent hashing with bounded loads, in O(log n). Requests with the same key go to the same server while it has at most 1.25
 * times its share of the requests in flight. Beyond that, they go to the next server on the ring. When a server leaves, only its
 * own keys move. Sources: Karger et al., "Consistent Hashing". Mirrokni et al., "Consistent Hashing with Bounded Loads".
 */
export function balanceByHash<U extends Candidate>(
  upstreams: readonly U[],
  { hashBy = 'clientIp' }: LoadBalancer,
): Strategy<U> {
  const keyOf = keyReader(hashBy)
  /** The requests in flight on all servers, by the last report of each. */
  let totalInFlight = 0
  const known = new Map<U, number>()
  for (const upstream of upstreams) {
    totalInFlight += upstream.inFlight
    known.set(upstream, upstream.inFlight)
  }
  let totalWeight = 0
  for (const { weight } of upstreams) totalWeight += weight
  const ring = ringOf(upstreams, totalWeight)
  /** The weight of all available servers together. It is counted again after as many picks as there are servers. */
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

/** Returns the function that reads the key from a request. Validation has checked `hashBy`, so this function never throws. */
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

/** Returns a cookie's value. If several cookies have the name, the first counts (RFC 6265, 4.2.2 leaves it open). */
export function cookieOf(lines: string | readonly string[], name: string): string {
  for (const pair of [lines].flat().join(';').split(';')) {
    const equals = pair.indexOf('=')
    if (equals > 0 && pair.slice(0, equals).trim() === name) return pair.slice(equals + 1).trim()
  }
  return ''
}

/**
 * Returns the hash ring, sorted by position. A server's points depend on its URL and weight, and as little as possible on the
 * other servers.
 */
function ringOf<U extends Candidate>(upstreams: readonly U[], totalWeight: number): readonly Point<U>[] {
  // The unit is a power of two. So a server that comes or goes seldom changes the number of points of the others.
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

/** Returns the index of the first point at or after a position. Behind the last point, it is the number of points. */
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
 * Hashes a text with FNV-1a and mixes the bits with the last step of MurmurHash3. Without the mixing, keys that differ in one
 * character would land close together.
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
