import { Heap } from './heap.js'
import { type Candidate, isUsable, type Strategy } from './strategy.js'

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
export function balanceLeastConn<U extends Candidate>(upstreams: readonly U[]): Strategy<U> {
  const loads = new Loads(upstreams)
  return Object.assign((skip?: ReadonlySet<U>) => loads.pick(skip), {
    changed: (upstream: U) => loads.changed(upstream),
  })
}

class Loads<U extends Candidate> {
  readonly #all: ReadonlyMap<U, Load<U>>
  readonly #heap: Heap<Load<U>>
  /** Those that may have nothing: idle as they are, they would come first each time. */
  readonly #out = new Set<Load<U>>()
  /** Those in their slow start, whose cost falls by itself. */
  readonly #starting = new Set<Load<U>>()
  #requests = 0
  #picksUntilLook: number

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
    this.#picksUntilLook = upstreams.length
    for (const load of this.#all.values()) if (load.upstream.share < 1) this.#starting.add(load)
  }

  pick(skip: ReadonlySet<U> | undefined): U | undefined {
    // Once in so many picks as there are servers, for somebody may not have told; on the whole it costs nothing more.
    if (this.#picksUntilLook-- <= 0) this.#lookAtThoseOut()
    for (const load of this.#starting) this.#weigh(load)
    const found = this.#take(skip)
    if (found || this.#out.size === 0) return found
    this.#lookAtThoseOut()
    return this.#take(skip)
  }

  #take(skip: ReadonlySet<U> | undefined): U | undefined {
    const passed: Load<U>[] = []
    let found: U | undefined
    for (let load = this.#heap.least; load; load = this.#heap.least) {
      this.#heap.pop()
      if (!load.upstream.isAvailable) {
        this.#out.add(load)
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
    if (!this.#out.has(load)) this.#weigh(load)
    else if (upstream.isAvailable) this.#putIn(load)
  }

  #putIn(load: Load<U>): void {
    this.#out.delete(load)
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

  #lookAtThoseOut(): void {
    this.#picksUntilLook = this.#all.size
    for (const load of [...this.#out]) if (load.upstream.isAvailable) this.#putIn(load)
  }
}

function costOf({ inFlight, weight, share }: Candidate): number {
  return (inFlight + 1) / (weight * share)
}
