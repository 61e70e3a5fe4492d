import { type Balancer, type Candidate, isUsable } from './balancer.js'
import { Heap } from './heap.js'

/** A server, and what its load was when it was looked at last. */
interface Load<U> {
  readonly upstream: U
  inFlight: number
  cost: number
  /** When it got its last request, counted in requests: of equals, the one that waits longest is next. */
  lastAt: number
}

/**
 * The server with the fewest requests under way for its weight, in O(log n); of equals, the one whose last request is longest
 * ago. Source: HAProxy's `leastconn`.
 */
export function balanceLeastConn<U extends Candidate>(upstreams: readonly U[]): Balancer<U> {
  let requests = 0
  const costOf = ({ inFlight, weight, share }: U) => (inFlight + 1) / (weight * share)
  const loads = new Map(
    upstreams.map((upstream, index): [U, Load<U>] => {
      const { inFlight } = upstream
      return [upstream, { upstream, inFlight, cost: costOf(upstream), lastAt: index - upstreams.length }]
    }),
  )
  const heap = new Heap<Load<U>>(
    (one, other) => (one.cost === other.cost ? one.lastAt < other.lastAt : one.cost < other.cost),
    loads.values(),
  )

  const pick = (skip?: ReadonlySet<U>): U | undefined => {
    const passed: Load<U>[] = []
    let found: U | undefined
    for (let load = heap.pop(); load && !found; load = found ? undefined : heap.pop()) {
      passed.push(load)
      if (isUsable(load.upstream, skip)) found = load.upstream
    }
    for (const load of passed) {
      // In a slow start it changes by itself.
      load.cost = costOf(load.upstream)
      heap.push(load)
    }
    return found
  }
  const changed = (upstream: U): void => {
    const load = loads.get(upstream)
    if (!load) return
    if (upstream.inFlight > load.inFlight) load.lastAt = requests++
    load.inFlight = upstream.inFlight
    load.cost = costOf(upstream)
    heap.moved(load)
  }
  return Object.assign(pick, { changed })
}
