import { ProxyError } from '../model/errors.js'
import { balanceP2c, balanceRandom } from './balance-at-random.js'
import { balanceByHash } from './balance-by-hash.js'
import { balanceByQuality } from './balance-by-quality.js'
import { balanceInTurn } from './balance-in-turn.js'
import { balanceLeastConn } from './balance-least-conn.js'
import { isUsable, type StrategyFactory } from './strategy.js'

export type { Candidate, Strategy, StrategyFactory } from './strategy.js'

/** The strategy of a backend whose document names none. It is Traefik's default too. */
export const DEFAULT_STRATEGY = 'wrr'

/**
 * The table of strategies, by `loadBalancer.method`. A new strategy is one row here and its function. Validation must know every
 * name that a document may use. It imports nothing from the engine, so the table does not stand there.
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

/** Built-in strategies that ignore latency and failures. For these the engine measures neither. */
const INDIFFERENT: ReadonlySet<string> = new Set(['wrr', 'leastConn', 'consistentHash', 'random', 'first'])

/** Returns whether a strategy may read latency and failures. A strategy of the host's own may. */
export function looksAtQuality(strategy: string): boolean {
  return !INDIFFERENT.has(strategy)
}

/**
 * Returns the strategies that documents may use, by name.
 *
 * @param own the host's own strategies
 * @throws ProxyError `PROXY_OPTION_INVALID` if one of them has the name of a built-in strategy
 */
export function strategyTable(
  own: Readonly<Record<string, StrategyFactory>> = {},
): ReadonlyMap<string, StrategyFactory> {
  for (const name of Object.keys(own)) {
    if (Object.hasOwn(STRATEGIES, name)) {
      throw new ProxyError('PROXY_OPTION_INVALID', `strategies.${name}: a built-in strategy has this name`)
    }
  }
  return new Map(Object.entries({ ...STRATEGIES, ...own }))
}
