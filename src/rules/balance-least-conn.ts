import { type Balancer, type Candidate, isUsable } from './balancer.js'
import { Heap } from './heap.js'

interface Load<U> {
  readonly upstream: U
  /** Requests under way that were picked here. */
  inFlight: number
  /** Which pick its last one was: of equals, the one that waits longest is next. */
  pickedAt: number
}

/**
 * The server with the fewest requests under way for its weight, in O(log n); of equals, the one whose last pick is longest ago.
 * Source: HAProxy's `leastconn`.
 */
export function balanceLeastConn<U extends Candidate>(upstreams: readonly U[]): Balancer<U> {
  let picks = 0
  const costOf = ({ upstream, inFlight }: Load<U>) => (inFlight + 1) / (upstream.weight * upstream.share)
  const loads = new Map(
    upstreams.map((upstream, index) => [
      upstream,
      { upstream, inFlight: 0, pickedAt: index - upstreams.length },
    ]),
  )
  const costs = new Map<Load<U>, number>()
  for (const load of loads.values()) costs.set(load, costOf(load))
  const heap = new Heap<Load<U>>((one, other) => {
    const difference = (costs.get(one) as number) - (costs.get(other) as number)
    return difference === 0 ? one.pickedAt < other.pickedAt : difference < 0
  }, loads.values())

  const pick = (skip?: ReadonlySet<U>): U | undefined => {
    const passed: Load<U>[] = []
    let found: Load<U> | undefined
    for (let load = heap.pop(); load; load = heap.pop()) {
      passed.push(load)
      if (!isUsable(load.upstream, skip)) continue
      found = load
      found.inFlight += 1
      found.pickedAt = picks
      picks += 1
      break
    }
    for (const load of passed) {
      costs.set(load, costOf(load))
      heap.push(load)
    }
    return found?.upstream
  }
  const ended = (upstream: U): void => {
    const load = loads.get(upstream)
    if (!load || load.inFlight === 0) return
    load.inFlight -= 1
    costs.set(load, costOf(load))
    heap.moved(load)
  }
  return Object.assign(pick, { ended })
}
