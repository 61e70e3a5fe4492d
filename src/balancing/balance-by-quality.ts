import { balanceInTurn } from './balance-in-turn.js'
import type { Candidate, Strategy } from './strategy.js'

/**
 * The lowest fraction of its weight that a slow or failing server keeps. With less, the server would get no requests, and its
 * recovery would not be noticed.
 */
const LEAST_QUALITY = 0.05

/**
 * A server counts as slow if its latency is more than this many times the latency of the fastest server. Smaller differences are
 * ignored, because measured latencies always differ a little.
 */
const TOLERANCE = 1.5

/**
 * Creates the strategy "dynamic round robin": a weighted round robin that lowers the weight of slow or failing servers. A server
 * is slow in comparison with the fastest server. Source: Traefik 1.7's `drr`.
 */
export function balanceByQuality<U extends Candidate>(upstreams: readonly U[]): Strategy<U> {
  let picksLeft = 0
  let fastestMs = Number.POSITIVE_INFINITY
  const pick = balanceInTurn(upstreams, (upstream) => {
    const { weight, share, latencyMs = 0, failureShare } = upstream
    const speed = latencyMs <= fastestMs * TOLERANCE ? 1 : (fastestMs * TOLERANCE) / latencyMs
    return weight * share * Math.max(LEAST_QUALITY, speed * (1 - failureShare))
  })
  return (skip) => {
    // With n servers, the latency of the fastest server is looked up once in n picks. So a pick stays cheap on average.
    if (picksLeft-- <= 0) {
      picksLeft = upstreams.length
      fastestMs = Number.POSITIVE_INFINITY
      // A server that fails half of its requests or more never counts as the fastest. It may fail fast, and all other servers
      // would then count as slow.
      for (const { latencyMs, isAvailable, failureShare } of upstreams)
        if (latencyMs !== undefined && isAvailable && failureShare < 0.5)
          fastestMs = Math.min(fastestMs, latencyMs)
    }
    return pick(skip)
  }
}
