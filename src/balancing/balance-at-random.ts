import { type Candidate, isUsable, type Strategy } from './strategy.js'

/**
 * The latency in milliseconds that is assumed for a server before its first measurement. The low value makes the strategy try the
 * server early. Each request in flight raises the server's cost, so not all requests go to a new server at once.
 */
const UNKNOWN_MS = 1

/**
 * The most random draws in one pick. If the drawn server may not be picked, the strategy draws again. If all draws fail,
 * `drawUsable` searches the whole list of servers.
 */
const MOST_DRAWS = 8

/** Creates the strategy that picks a random server, with a chance proportional to the server's weight. A pick takes O(log n). */
export function balanceRandom<U extends Candidate>(upstreams: readonly U[]): Strategy<U> {
  const draw = drawing(upstreams)
  return (skip) => drawUsable(upstreams, draw, skip)
}

/**
 * Creates the strategy "power of two choices". It draws two servers by their weights and picks the one with the lower cost, in
 * O(log n). The cost is the server's latency times its requests in flight, with the new request counted. Source: Mitzenmacher,
 * "The Power of Two Choices". Finagle and Linkerd use the same cost (peak EWMA).
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

/**
 * Returns the cost of one more request on a server: the time that it is expected to take. A slow start and failures raise the
 * cost.
 */
function costOf({ latencyMs = UNKNOWN_MS, inFlight, share, failureShare }: Candidate): number {
  // The time is divided by the server's share of successful requests. Without this, a server that fails at once would seem the
  // fastest.
  return (latencyMs * (inFlight + 1)) / (share * Math.max(LEAST_SUCCESS, 1 - failureShare))
}

/**
 * The lowest share of successful requests that a server's cost is computed with. With this minimum, a server that always fails
 * still gets a request now and then. So the strategy notices when the server recovers.
 */
const LEAST_SUCCESS = 0.02

/** Returns a function that draws a random server, with a chance proportional to the server's weight. */
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

/**
 * Draws a random server that may be picked. If no draw finds one, it takes the first such server after a random position in the
 * list.
 */
function drawUsable<U extends Candidate>(
  upstreams: readonly U[],
  draw: () => U,
  skip: ReadonlySet<U> | undefined,
): U | undefined {
  const { length } = upstreams
  if (length === 0) return undefined
  for (let draws = 0; draws < MOST_DRAWS; draws++) {
    const drawn = draw()
    // During its slow start, a server refuses some of the draws that hit it: it accepts only the fraction `share` of them.
    if (isUsable(drawn, skip) && (drawn.share >= 1 || Math.random() < drawn.share)) return drawn
  }
  const start = Math.floor(Math.random() * length)
  for (let step = 0; step < length; step++) {
    const found = upstreams[(start + step) % length] as U
    if (isUsable(found, skip)) return found
  }
  return undefined
}
