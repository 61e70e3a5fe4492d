import type { LoadBalancer } from '../model/config.js'
import type { RequestFacts } from '../model/request-facts.js'

/**
 * A server as a strategy sees it. Everything but its URL, address and weight may change between two picks.
 *
 * @example
 * ```ts
 * // Requests in flight for the weight that the server has at present.
 * const loadOf = ({ inFlight, weight, share }: Candidate) => inFlight / (weight * share)
 * ```
 */
export interface Candidate {
  /** The URL from the document, for example `http://10.0.0.7:8080`. */
  readonly url: string
  /** One IP address of the host in the server's URL. It is set with `strictDns`, where several candidates have the same URL. */
  readonly address?: string | undefined
  /** The weight from the document, always above 0. A server of weight 0 gets no new requests, so no strategy sees it. */
  readonly weight: number
  /** The share of its weight that the server is to get at present, above 0 and at most 1. It is below 1 during a slow start. */
  readonly share: number
  /**
   * Whether the server may get new requests: it is neither down nor ejected. A strategy must not pick a server that is not
   * available.
   */
  readonly isAvailable: boolean
  /** Requests of this backend in flight on the server. */
  readonly inFlight: number
  /**
   * Milliseconds until the head of a response: a moving average that follows peaks at once (peak EWMA). Undefined: nothing is
   * measured yet.
   */
  readonly latencyMs: number | undefined
  /** The share of the server's recent requests that failed, from 0 to 1. */
  readonly failureShare: number
}

/**
 * Creates the strategy of one backend. The strategy may keep state between picks. The engine creates another one only when the
 * backend's configuration or addresses change.
 *
 * @param upstreams the servers of the backend whose weight is above 0
 * @param options the backend's `loadBalancer` field, checked
 * @example
 * ```ts
 * const fewest: StrategyFactory = (upstreams) => (skip) =>
 *   upstreams
 *     .filter((server) => server.isAvailable && !skip?.has(server))
 *     .toSorted((a, b) => a.inFlight - b.inFlight)[0]
 *
 * // A document names it: loadBalancer: { method: 'fewest' }
 * const proxy = createProxy({ config, strategies: { fewest } })
 * ```
 */
export type StrategyFactory = <U extends Candidate>(
  upstreams: readonly U[],
  options: LoadBalancer,
) => Strategy<U>

/**
 * Picks the server for a request, or returns undefined for none. If the first pick for a request returns none, the client gets
 * 503.
 *
 * @example
 * ```ts
 * // A strategy that hears of changes is a function with a `changed` method.
 * const counting: StrategyFactory = (upstreams) => {
 *   let changes = 0
 *   const pick = () => upstreams.find(({ isAvailable }) => isAvailable)
 *   return Object.assign(pick, { changed: () => void changes++ })
 * }
 * ```
 */
export interface Strategy<U extends Candidate> {
  /**
   * Picks a server, or none if no server may have the request.
   *
   * @param skip servers that failed to answer this request already
   * @param facts the facts of the request. Absent: nothing is known of it.
   */
  (skip?: ReadonlySet<U>, facts?: RequestFacts): U | undefined
  /**
   * Called when a server's `inFlight` or `isAvailable` has changed. A pick and the end of a request change `inFlight`. So does a
   * request that goes to the server without a pick, such as one of a sticky session.
   */
  readonly changed?: (upstream: U) => void
}

/** Returns whether a request may go to a server. */
export function isUsable<U extends Candidate>(upstream: U, skip: ReadonlySet<U> | undefined): boolean {
  return upstream.isAvailable && !skip?.has(upstream)
}
