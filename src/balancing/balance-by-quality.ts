import { balanceInTurn } from './balance-in-turn.js'
import type { Candidate, Strategy } from './strategy.js'

/** However bad a server is, it has so much of its weight: else nobody would notice that it is well again. */
const LEAST_QUALITY = 0.05

/** How much faster the fastest must be before that counts: what is measured always differs a little. */
const TOLERANCE = 1.5

/**
 * Weighted turns in which a server weighs the less, the slower it is than the fastest and the more of its responses fail. Source:
 * Traefik 1.7's `drr`, dynamic round robin.
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
    // Once for as many picks as there are servers: on the whole it costs nothing more.
    if (picksLeft-- <= 0) {
      picksLeft = upstreams.length
      fastestMs = Number.POSITIVE_INFINITY
      // One that fails at once is no model for the others.
      for (const { latencyMs, isAvailable, failureShare } of upstreams)
        if (latencyMs !== undefined && isAvailable && failureShare < 0.5)
          fastestMs = Math.min(fastestMs, latencyMs)
    }
    return pick(skip)
  }
}
