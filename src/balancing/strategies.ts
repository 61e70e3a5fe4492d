import { ProxyError } from '../model/errors.js'
import { balanceP2c, balanceRandom } from './balance-at-random.js'
import { balanceByHash } from './balance-by-hash.js'
import { balanceByQuality } from './balance-by-quality.js'
import { balanceInTurn } from './balance-in-turn.js'
import { balanceLeastConn } from './balance-least-conn.js'
import { isUsable, type StrategyFactory } from './strategy.js'

export type { Candidate, Strategy, StrategyContext, StrategyFactory } from './strategy.js'

/** The strategy of a backend whose document names no strategy: weighted round robin. Traefik has the same default. */
export const DEFAULT_STRATEGY = 'wrr'

/**
 * The built-in strategies by name. A document selects one by `loadBalancer.method`. To add a strategy, write its function and add
 * a row. The table is not in the engine, because validation needs the names and imports nothing from the engine.
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

/**
 * The built-in strategies that ignore the latency and the failures of servers. For these strategies, the engine need not measure
 * latency and failures.
 */
const INDIFFERENT: ReadonlySet<string> = new Set(['wrr', 'leastConn', 'consistentHash', 'random', 'first'])

/**
 * Returns whether a strategy may use latency and failures. A strategy that the embedding application supplies always counts as
 * one that does.
 */
export function looksAtQuality(strategy: string): boolean {
  return !INDIFFERENT.has(strategy)
}

/**
 * Returns the strategies that documents may use, by name: the built-in ones, and those that the embedding application supplies.
 *
 * @param own the strategies that the embedding application supplies, by name
 * @throws ProxyError `PROXY_OPTION_INVALID` if a supplied strategy has the name of a built-in strategy
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
