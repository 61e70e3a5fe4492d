import type { LoadBalancer } from '../model/config.js'
import type { RequestFacts } from '../model/request-facts.js'

/** What a strategy sees of a server. All but its weight may change between two picks. */
export interface Candidate {
  readonly url: string
  /** With `strictDns`, the one of the URL's name that it stands for: several candidates have one URL then. */
  readonly address?: string | undefined
  /** As configured; greater than 0: a server of weight 0 gets no new requests and is never shown to a strategy. */
  readonly weight: number
  /** How much of its weight it is to have now, above 0 and up to 1: less while it is new or back again (slow start). */
  readonly share: number
  /** Whether it is to have new requests at all: neither down nor ejected. A strategy never picks one that is not. */
  readonly isAvailable: boolean
  /** Requests of this backend that are under way on it. */
  readonly inFlight: number
  /** Peak-sensitive moving average of the time to the head of its responses, in milliseconds; undefined: none measured yet. */
  readonly latencyMs: number | undefined
  /** Of its responses and failures of late, the share that failed, from 0 to 1. */
  readonly failureShare: number
}

/**
 * Makes the picker of one backend, once; it may keep state between picks.
 *
 * @param options of the document, checked
 */
export type StrategyFactory = <U extends Candidate>(
  upstreams: readonly U[],
  options: LoadBalancer,
) => Strategy<U>

/** Picks the server for a request, or none. */
export interface Strategy<U extends Candidate> {
  /**
   * @param skip servers that this request was already sent to in vain
   * @param facts of the request; absent where nothing is known of it
   */
  (skip?: ReadonlySet<U>, facts?: RequestFacts): U | undefined
  /**
   * What is under way on a server has changed: by a pick, by the end of a request, or by one that went there unasked; or whether it
   * may have requests.
   */
  readonly changed?: (upstream: U) => void
}

/** Whether a request may go there. */
export function isUsable<U extends Candidate>(upstream: U, skip: ReadonlySet<U> | undefined): boolean {
  return upstream.isAvailable && !skip?.has(upstream)
}
