import type { LoadBalancer } from '../model/config.js'
import type { RequestFacts } from '../model/request-facts.js'
import { type Candidate, isUsable, type Strategy } from './strategy.js'

/** Points on the ring for a server of middle weight, and up to twice as many: shares are within a tenth of what they should be. */
const POINTS = 160
const MOST_POINTS = 100_000

/** So many points are looked at for a server with room, before all servers are. */
const MOST_STEPS = 200

/** No server has more than so many times its share of the requests under way. */
const BOUND = 1.25

interface Point<U> {
  readonly at: number
  readonly upstream: U
}

/**
 * Requests of one key go to one server, as long as that has no more than 1.25 times its share of what is under way; else to the
 * next on the ring. When a server leaves, no more than its own keys move. In O(log n). Source: Karger et al., "Consistent
 * Hashing"; Mirrokni et al., "Consistent Hashing with Bounded Loads".
 */
export function balanceByHash<U extends Candidate>(
  upstreams: readonly U[],
  { hashBy = 'clientIp' }: LoadBalancer,
): Strategy<U> {
  const keyOf = keyReader(hashBy)
  /** On all of them, and on each as it was told last. */
  let underWay = 0
  const known = new Map<U, number>()
  for (const upstream of upstreams) {
    underWay += upstream.inFlight
    known.set(upstream, upstream.inFlight)
  }
  let totalWeight = 0
  for (const { weight } of upstreams) totalWeight += weight
  const ring = ringOf(upstreams, totalWeight)
  /** Of those that may have requests, as it was looked at last: once in so many picks as there are servers. */
  let availableWeight = 0
  let picksUntilLook = 0
  const look = () => {
    picksUntilLook = upstreams.length
    availableWeight = 0
    for (const { weight, isAvailable } of upstreams) if (isAvailable) availableWeight += weight
  }
  const hasRoom = (upstream: U) =>
    upstream.inFlight < Math.ceil((BOUND * (underWay + 1) * upstream.weight) / availableWeight)

  const pick = (skip?: ReadonlySet<U>, facts?: RequestFacts): U | undefined => {
    if (picksUntilLook-- <= 0) look()
    const start = placeAfter(ring, hash(facts ? keyOf(facts) : ''))
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
    underWay += upstream.inFlight - (known.get(upstream) ?? 0)
    known.set(upstream, upstream.inFlight)
  }
  return Object.assign(pick, { changed })
}

/** What a key is made of. @throws nothing: the document was checked */
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

/** Of several of one name the first (RFC 6265, 4.2.2 leaves it open). */
export function cookieOf(lines: string | readonly string[], name: string): string {
  for (const pair of [lines].flat().join(';').split(';')) {
    const place = pair.indexOf('=')
    if (place > 0 && pair.slice(0, place).trim() === name) return pair.slice(place + 1).trim()
  }
  return ''
}

/** Sorted by place. A server's points follow from its URL and weight, as far as may be whoever else is there. */
function ringOf<U extends Candidate>(upstreams: readonly U[], totalWeight: number): readonly Point<U>[] {
  // In powers of two: a server that comes or goes must not give all others another number of points.
  const unit = 2 ** Math.floor(Math.log2(totalWeight / upstreams.length))
  const points = Math.min(POINTS, MOST_POINTS / upstreams.length)
  const ring = upstreams.flatMap((upstream) => {
    const count = Math.max(1, Math.round((points * upstream.weight) / unit))
    const { url, address } = upstream
    const place = address === undefined ? url : `${url} ${address}`
    return Array.from({ length: count }, (_, nth) => ({ at: hash(`${place} ${nth}`), upstream }))
  })
  return ring.sort((a, b) => a.at - b.at)
}

/** The first place at or after a point; past the last it is the first of the ring. */
function placeAfter(ring: readonly { readonly at: number }[], point: number): number {
  let [from, to] = [0, ring.length]
  while (from < to) {
    const middle = (from + to) >> 1
    if ((ring[middle] as { at: number }).at < point) from = middle + 1
    else to = middle
  }
  return from
}

/** FNV-1a, its bits mixed once more (MurmurHash3's last step): keys that differ in one character land far apart. */
export function hash(text: string): number {
  let value = 0x811c9dc5
  for (let index = 0; index < text.length; index++) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193)
  }
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35)
  return (value ^ (value >>> 16)) >>> 0
}
