import { type Candidate, isUsable, type Strategy } from './strategy.js'

/** What a server is taken to need that was never measured: it is tried early, and not by all at once. */
const UNKNOWN_MS = 1

/** So often a drawn server that may not be picked is drawn again, before all are looked at. */
const MOST_DRAWS = 8

/** A server by the chance that its weight gives it, in O(log n). */
export function balanceRandom<U extends Candidate>(upstreams: readonly U[]): Strategy<U> {
  const draw = drawing(upstreams)
  return (skip) => drawUsable(upstreams, draw, skip)
}

/**
 * Of two servers drawn by their weights, the one with less to do: its latency times the requests under way on it, the new one
 * included. In O(log n). Source: Mitzenmacher, "The Power of Two Choices"; the cost is that of Finagle's and Linkerd's peak
 * EWMA.
 */
export function balanceP2c<U extends Candidate>(upstreams: readonly U[]): Strategy<U> {
  const draw = drawing(upstreams)
  return (skip) => {
    const one = drawUsable(upstreams, draw, skip)
    if (one === undefined || upstreams.length === 1) return one
    let other: U | undefined
    for (let draws = 0; draws < MOST_DRAWS; draws++) {
      other = draw()
      if (other !== one && isUsable(other, skip)) break
    }
    if (other === undefined || !isUsable(other, skip)) return one
    return costOf(other) < costOf(one) ? other : one
  }
}

/** What one more request would wait for. */
function costOf({ latencyMs = UNKNOWN_MS, inFlight, share, failureShare }: Candidate): number {
  // One that fails at once would be the fastest.
  return (latencyMs * (inFlight + 1)) / (share * Math.max(LEAST_SUCCESS, 1 - failureShare))
}

/** However much fails, it is tried now and then. */
const LEAST_SUCCESS = 0.02

/** Draws a server by its weight. */
function drawing<U extends Candidate>(upstreams: readonly U[]): () => U {
  const sums: number[] = []
  let total = 0
  for (const { weight } of upstreams) {
    total += weight
    sums.push(total)
  }
  return () => {
    const point = Math.random() * total
    let [from, to] = [0, sums.length - 1]
    while (from < to) {
      const middle = (from + to) >> 1
      if ((sums[middle] as number) > point) to = middle
      else from = middle + 1
    }
    return upstreams[from] as U
  }
}

/** Where nearly none may be picked, the first that may from a random place on. */
function drawUsable<U extends Candidate>(
  upstreams: readonly U[],
  draw: () => U,
  skip: ReadonlySet<U> | undefined,
): U | undefined {
  const { length } = upstreams
  if (length === 0) return undefined
  for (let draws = 0; draws < MOST_DRAWS; draws++) {
    const drawn = draw()
    // In its slow start a server has its share of what would be its.
    if (isUsable(drawn, skip) && (drawn.share >= 1 || Math.random() < drawn.share)) return drawn
  }
  const start = Math.floor(Math.random() * length)
  for (let step = 0; step < length; step++) {
    const found = upstreams[(start + step) % length] as U
    if (isUsable(found, skip)) return found
  }
  return undefined
}
