import { balanceInTurn } from './balance-in-turn.js'
import type { Candidate, Strategy } from './strategy.js'

/** The least share of its weight that a server keeps. With less, it would get no requests and its recovery would not be seen. */
const LEAST_QUALITY = 0.05

/**
 * How many times slower than the fastest server a server may be before that counts. Measured latencies always differ a little.
 */
const TOLERANCE = 1.5

/**
 * Dynamic round robin: weighted turns in which a slow or failing server weighs less. A server is slow in comparison with the
 * fastest one. Source: Traefik 1.7's `drr`.
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
    // The fastest server is looked up once in as many picks as there are servers, so that a pick stays cheap on average.
    if (picksLeft-- <= 0) {
      picksLeft = upstreams.length
      fastestMs = Number.POSITIVE_INFINITY
      // A server that fails fast must not set the pace for the others.
      for (const { latencyMs, isAvailable, failureShare } of upstreams)
        if (latencyMs !== undefined && isAvailable && failureShare < 0.5)
          fastestMs = Math.min(fastestMs, latencyMs)
    }
    return pick(skip)
  }
}
