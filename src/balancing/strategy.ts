import type { LoadBalancer } from '../model/config.js'
import type { Metadata } from '../model/metadata.js'
import type { RequestFacts } from '../model/request-facts.js'

/**
 * What a strategy sees of a server. Only the URL, the address and the weight stay the same between two picks.
 *
 * @example
 * ```ts
 * // The number of requests in flight, relative to the weight that the server has now.
 * const loadOf = ({ inFlight, weight, share }: Candidate) => inFlight / (weight * share)
 * ```
 */
export interface Candidate {
  /** The server's URL from the document, for example `http://10.0.0.7:8080`. */
  readonly url: string
  /**
   * One IP address of the URL's host name. It is set if the backend has `strictDns`. Then each address of the host name is a
   * candidate of its own.
   */
  readonly address?: string | undefined
  /**
   * The server's weight from the document, always above 0. A server of weight 0 gets no new requests, so strategies do not see
   * it.
   */
  readonly weight: number
  /** The labels of the server. Empty if it has none. */
  readonly metadata: Metadata
  /** The fraction of its weight that the server should get now, above 0 and at most 1. It is below 1 during a slow start. */
  readonly share: number
  /**
   * Whether the server may get new requests. It is false if the server is down, is ejected, or has as many requests as its limit
   * allows. A strategy must not pick a server that is not available.
   */
  readonly isAvailable: boolean
  /** The number of requests of this backend that are in flight on the server. */
  readonly inFlight: number
  /**
   * The time in milliseconds until the head of a response arrives. It is a moving average that follows peaks at once (peak EWMA).
   * Undefined before the first measurement.
   */
  readonly latencyMs: number | undefined
  /** The share of the server's recent requests that failed, from 0 to 1. */
  readonly failureShare: number
}

/**
 * Creates the strategy of one backend. The strategy may keep state between picks. The engine creates a new strategy only when the
 * configuration or the addresses of the backend change.
 *
 * @param upstreams the servers of the backend whose weight is above 0
 * @param options the `loadBalancer` field of the backend, already validated
 * @param context what the document says of the backend
 * @example
 * ```ts
 * const fewest: StrategyFactory = (upstreams) => (skip) =>
 *   upstreams
 *     .filter((server) => server.isAvailable && !skip?.has(server))
 *     .toSorted((a, b) => a.inFlight - b.inFlight)[0]
 *
 * // A document selects the strategy by its name: loadBalancer: { method: 'fewest' }
 * const proxy = createProxy({ config, strategies: { fewest } })
 * ```
 */
export type StrategyFactory = <U extends Candidate>(
  upstreams: readonly U[],
  options: LoadBalancer,
  context: StrategyContext,
) => Strategy<U>

/** What the factory of a strategy is told of the backend that it works for. */
export interface StrategyContext {
  /** The labels of the backend. Empty if it has none. */
  readonly metadata: Metadata
}

/**
 * A strategy picks the server for a request, or returns undefined if no server may get the request. If the first pick for a
 * request returns undefined, the request waits for a server with room, or the client gets 503.
 *
 * @example
 * ```ts
 * // A strategy that is told of changes in its servers is a function with a `changed` method.
 * const counting: StrategyFactory = (upstreams) => {
 *   let changes = 0
 *   const pick = () => upstreams.find(({ isAvailable }) => isAvailable)
 *   return Object.assign(pick, { changed: () => void changes++ })
 * }
 * ```
 */
export interface Strategy<U extends Candidate> {
  /**
   * Picks a server for a request, or returns undefined if no server may get the request.
   *
   * @param skip the servers that have already failed to answer this request
   * @param facts the facts of the request; undefined if nothing is known of the request
   */
  (skip?: ReadonlySet<U>, facts?: RequestFacts): U | undefined
  /**
   * The engine calls this method when `inFlight` or `isAvailable` of a server has changed. Each pick and each end of a request
   * change `inFlight`. A request that gets its server without a pick changes it too, for example one of a sticky session.
   */
  readonly changed?: (upstream: U) => void
}

/** Returns whether a request may go to a server: the server is available and is not one of those to skip. */
export function isUsable<U extends Candidate>(upstream: U, skip: ReadonlySet<U> | undefined): boolean {
  return upstream.isAvailable && !skip?.has(upstream)
}
