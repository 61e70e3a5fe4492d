import { Heap } from './heap.js'
import { type Candidate, isUsable, type Strategy } from './strategy.js'

/**
 * The load of a server when it was last read: its requests in flight, and its cost, which is these requests relative to its
 * weight.
 */
interface Load<U> {
  readonly upstream: U
  inFlight: number
  cost: number
  /**
   * The sequence number of the server's last request, counted over all servers. Among servers of equal cost, the one with the
   * lowest number is picked next.
   */
  lastAt: number
}

/**
 * Creates the strategy "least connections". It picks the server with the fewest requests in flight relative to its weight, in
 * O(log n). Among equals, it picks the server whose last request is the oldest. Source: HAProxy's `leastconn`.
 */
export function balanceLeastConn<U extends Candidate>(upstreams: readonly U[]): Strategy<U> {
  const loads = new Loads(upstreams)
  return Object.assign((skip?: ReadonlySet<U>) => loads.pick(skip), {
    changed: (upstream: U) => loads.changed(upstream),
  })
}

class Loads<U extends Candidate> {
  readonly #all: ReadonlyMap<U, Load<U>>
  readonly #heap: Heap<Load<U>>
  /**
   * Servers that are not available. They are kept out of the heap, because a server that is down has no requests and would come
   * first in each pick.
   */
  readonly #unavailable = new Set<Load<U>>()
  /** The servers that are in their slow start. Their cost falls as time passes, so each pick computes it again. */
  readonly #starting = new Set<Load<U>>()
  #requests = 0
  #picksUntilRead: number

  constructor(upstreams: readonly U[]) {
    this.#all = new Map(
      upstreams.map((upstream, index): [U, Load<U>] => {
        const { inFlight } = upstream
        return [upstream, { upstream, inFlight, cost: costOf(upstream), lastAt: index - upstreams.length }]
      }),
    )
    this.#heap = new Heap<Load<U>>(
      (one, other) => (one.cost === other.cost ? one.lastAt < other.lastAt : one.cost < other.cost),
      this.#all.values(),
    )
    this.#picksUntilRead = upstreams.length
    for (const load of this.#all.values()) if (load.upstream.share < 1) this.#starting.add(load)
  }

  pick(skip: ReadonlySet<U> | undefined): U | undefined {
    // With n servers, the unavailable ones are checked again once in n picks, because the engine may not report every change. On
    // average, a pick stays cheap.
    if (this.#picksUntilRead-- <= 0) this.#readUnavailable()
    for (const load of this.#starting) this.#weigh(load)
    const found = this.#take(skip)
    if (found || this.#unavailable.size === 0) return found
    this.#readUnavailable()
    return this.#take(skip)
  }

  #take(skip: ReadonlySet<U> | undefined): U | undefined {
    const passed: Load<U>[] = []
    let found: U | undefined
    for (let load = this.#heap.least; load; load = this.#heap.least) {
      this.#heap.pop()
      if (!load.upstream.isAvailable) {
        this.#unavailable.add(load)
        continue
      }
      passed.push(load)
      if (!isUsable(load.upstream, skip)) continue
      found = load.upstream
      break
    }
    for (const load of passed) this.#putIn(load)
    return found
  }

  changed(upstream: U): void {
    const load = this.#all.get(upstream)
    if (!load) return
    if (upstream.inFlight > load.inFlight) load.lastAt = this.#requests++
    load.inFlight = upstream.inFlight
    if (!this.#unavailable.has(load)) this.#weigh(load)
    else if (upstream.isAvailable) this.#putIn(load)
  }

  #putIn(load: Load<U>): void {
    this.#unavailable.delete(load)
    load.cost = costOf(load.upstream)
    if (load.upstream.share < 1) this.#starting.add(load)
    this.#heap.push(load)
  }

  #weigh(load: Load<U>): void {
    load.cost = costOf(load.upstream)
    if (load.upstream.share < 1) this.#starting.add(load)
    else this.#starting.delete(load)
    this.#heap.moved(load)
  }

  #readUnavailable(): void {
    this.#picksUntilRead = this.#all.size
    for (const load of [...this.#unavailable]) if (load.upstream.isAvailable) this.#putIn(load)
  }
}

function costOf({ inFlight, weight, share }: Candidate): number {
  return (inFlight + 1) / (weight * share)
}
