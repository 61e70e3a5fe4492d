import { ProxyError } from '../model/errors.js'
import { balanceP2c, balanceRandom } from './balance-at-random.js'
import { balanceByHash } from './balance-by-hash.js'
import { balanceByQuality } from './balance-by-quality.js'
import { balanceInTurn } from './balance-in-turn.js'
import { balanceLeastConn } from './balance-least-conn.js'
import { isUsable, type StrategyFactory } from './strategy.js'

export type { Candidate, Strategy, StrategyFactory } from './strategy.js'

/** The strategy of a backend that names none; Traefik's default too. */
export const DEFAULT_STRATEGY = 'wrr'

/**
 * The table of strategies: `loadBalancer.method` to factory. Adding one is adding a row and its function.
 * It stands on this floor, not in the engine, because validation must know every name that a document may use.
 */
const STRATEGIES: Readonly<Record<string, StrategyFactory>> = {
  wrr: (upstreams) => balanceInTurn(upstreams, ({ weight, share }) => weight * share),
  drr: balanceByQuality,
  leastConn: balanceLeastConn,
  p2c: balanceP2c,
  consistentHash: balanceByHash,
  random: balanceRandom,
  first: (upstreams) => (skip) => upstreams.find((upstream) => isUsable(upstream, skip)),
}

/** Those of ours that do not look at how fast servers answer and how often they fail: for them it is not measured. */
const INDIFFERENT: ReadonlySet<string> = new Set(['wrr', 'leastConn', 'consistentHash', 'random', 'first'])

/** Whether a strategy, ours or the host's own, may look at that. */
export function looksAtQuality(strategy: string): boolean {
  return !INDIFFERENT.has(strategy)
}

/**
 * The strategies that documents may use: ours and the host's own.
 *
 * @throws ProxyError `PROXY_OPTION_INVALID` if a name is taken
 */
export function strategyTable(
  own: Readonly<Record<string, StrategyFactory>> = {},
): ReadonlyMap<string, StrategyFactory> {
  for (const name of Object.keys(own)) {
    if (Object.hasOwn(STRATEGIES, name)) {
      throw new ProxyError(
        'PROXY_OPTION_INVALID',
        `strategies.${name}: Switchover has a strategy of this name`,
      )
    }
  }
  return new Map(Object.entries({ ...STRATEGIES, ...own }))
}
