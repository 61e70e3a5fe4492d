import { ProxyError } from '../model/errors.js'

/** What a strategy sees of a server. */
export interface Candidate {
  /** Greater than 0: a server of weight 0 gets no new requests and is never shown to a strategy. */
  readonly weight: number
}

/** Makes the picker of one backend, once; it may keep state between picks. */
export type BalancerFactory = <U extends Candidate>(upstreams: readonly U[]) => Balancer<U>

/**
 * Picks the server for a request, or none.
 *
 * @param skip servers that this request was already sent to in vain
 */
export type Balancer<U extends Candidate> = (skip?: ReadonlySet<U>) => U | undefined

/**
 * The table of strategies: `loadBalancer.method` to factory. Adding one is adding a row and its function below.
 * It stands on this floor, not in the engine, because validation must know every name that a document may use.
 */
const BALANCERS: Readonly<Record<string, BalancerFactory>> = {
  wrr: weightedRoundRobin,
}

/** The strategy of a backend that names none; Traefik's default too. */
export const DEFAULT_STRATEGY = 'wrr'

/** Strategies of Traefik 1.7 that are known and not built yet: refused by name. */
export const LATER_STRATEGIES: readonly string[] = ['drr']

/**
 * The strategies that documents may use: ours and the host's own.
 *
 * @throws ProxyError `PROXY_OPTION_INVALID` if a name is taken
 */
export function balancerTable(
  own: Readonly<Record<string, BalancerFactory>> = {},
): ReadonlyMap<string, BalancerFactory> {
  for (const name of Object.keys(own)) {
    if (Object.hasOwn(BALANCERS, name) || LATER_STRATEGIES.includes(name)) {
      throw new ProxyError(
        'PROXY_OPTION_INVALID',
        `balancers.${name}: Switchover has a strategy of this name`,
      )
    }
  }
  return new Map(Object.entries({ ...BALANCERS, ...own }))
}

/**
 * Smooth weighted round robin: in every window of as many picks as the weights add up to, each server gets exactly
 * its share, spread out. Source: the algorithm of nginx's upstream module.
 */
function weightedRoundRobin<U extends Candidate>(upstreams: readonly U[]): Balancer<U> {
  const lead = upstreams.map(() => 0)
  return (skip) => {
    let total = 0
    let best = -1
    for (const [index, upstream] of upstreams.entries()) {
      if (skip?.has(upstream)) continue
      total += upstream.weight
      const ahead = (lead[index] as number) + upstream.weight
      lead[index] = ahead
      if (best < 0 || ahead > (lead[best] as number)) best = index
    }
    if (best < 0) return undefined
    lead[best] = (lead[best] as number) - total
    return upstreams[best]
  }
}
