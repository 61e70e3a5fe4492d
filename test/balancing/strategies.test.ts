import { describe, expect, it } from 'vitest'
import { DEFAULT_STRATEGY, type StrategyFactory, strategyTable } from '../../src/balancing/strategies.js'
import { ProxyError } from '../../src/model/errors.js'

const OURS = ['wrr', 'drr', 'leastConn', 'p2c', 'consistentHash', 'random', 'first']

const firstOfAll: StrategyFactory = (upstreams) => () => upstreams[0]

describe('strategyTable', () => {
  it('has ours, of which one is the default', () => {
    expect([...strategyTable().keys()]).toEqual(OURS)
    expect(DEFAULT_STRATEGY).toBe('wrr')
  })

  it("has the host's own beside ours", () => {
    const table = strategyTable({ own: firstOfAll })
    expect([...table.keys()]).toEqual([...OURS, 'own'])
    expect(table.get('own')).toBe(firstOfAll)
    expect([...strategyTable().keys()]).toEqual(OURS)
  })

  it.each(OURS)("refuses a strategy of the host's that is called %s", (name) => {
    const attempt = () => strategyTable({ [name]: firstOfAll })
    expect(attempt).toThrow(ProxyError)
    expect(attempt).toThrow(
      expect.objectContaining({
        code: 'PROXY_OPTION_INVALID',
        message: `strategies.${name}: a built-in strategy has this name`,
      }),
    )
  })

  it('finds no strategy under an inherited name', () => {
    expect(strategyTable().get('toString')).toBeUndefined()
    expect(strategyTable({ toString: firstOfAll }).get('toString')).toBe(firstOfAll)
  })
})
