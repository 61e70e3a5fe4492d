import { type Candidate, isUsable, type Strategy } from './strategy.js'

/**
 * Milliseconds of latency that a server counts with before its first measurement. The low value has it tried early. Its requests
 * in flight raise its cost, so not all requests go to it at the same time.
 */
const UNKNOWN_MS = 1

/**
 * The most draws for one pick. A draw that hits a server which may not be picked is repeated. After the last draw, all servers
 * are searched.
 */
const MOST_DRAWS = 8

/** Picks a server at random, each with a chance in proportion to its weight, in O(log n). */
export function balanceRandom<U extends Candidate>(upstreams: readonly U[]): Strategy<U> {
  const draw = drawing(upstreams)
  return (skip) => drawUsable(upstreams, draw, skip)
}

/**
 * Power of two choices: draws two servers by their weights and picks the one with the lower cost, in O(log n). The cost is the
 * server's latency times its requests in flight, the new one included. Source: Mitzenmacher, "The Power of Two Choices". The cost
 * is that of peak EWMA in Finagle and Linkerd.
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

/** Returns the time that one more request on a server is expected to take. */
function costOf({ latencyMs = UNKNOWN_MS, inFlight, share, failureShare }: Candidate): number {
  // Without the failure share, a server that fails at once would be the fastest.
  return (latencyMs * (inFlight + 1)) / (share * Math.max(LEAST_SUCCESS, 1 - failureShare))
}

/**
 * The least success share that a server counts with. With it, a server that always fails still gets a request now and then, so
 * that its recovery is seen.
 */
const LEAST_SUCCESS = 0.02

/** Returns a function that draws a server by its weight. */
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

/** Draws a server that may be picked. If the draws find none, it takes the first such server behind a random start. */
function drawUsable<U extends Candidate>(
  upstreams: readonly U[],
  draw: () => U,
  skip: ReadonlySet<U> | undefined,
): U | undefined {
  const { length } = upstreams
  if (length === 0) return undefined
  for (let draws = 0; draws < MOST_DRAWS; draws++) {
    const drawn = draw()
    // During its slow start, a server keeps only its share of the draws that hit it.
    if (isUsable(drawn, skip) && (drawn.share >= 1 || Math.random() < drawn.share)) return drawn
  }
  const start = Math.floor(Math.random() * length)
  for (let step = 0; step < length; step++) {
    const found = upstreams[(start + step) % length] as U
    if (isUsable(found, skip)) return found
  }
  return undefined
}
