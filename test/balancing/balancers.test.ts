import { describe, expect, it } from 'vitest'
import { type BalancerFactory, balancerTable, DEFAULT_STRATEGY } from '../../src/balancing/balancers.js'
import { ProxyError } from '../../src/model/errors.js'

const OURS = ['wrr', 'drr', 'leastConn', 'p2c', 'consistentHash', 'random', 'first']

const firstOfAll: BalancerFactory = (upstreams) => () => upstreams[0]

describe('balancerTable', () => {
  it('has ours, of which one is the default', () => {
    expect([...balancerTable().keys()]).toEqual(OURS)
    expect(DEFAULT_STRATEGY).toBe('wrr')
  })

  it("has the host's own beside ours", () => {
    const table = balancerTable({ own: firstOfAll })
    expect([...table.keys()]).toEqual([...OURS, 'own'])
    expect(table.get('own')).toBe(firstOfAll)
    expect([...balancerTable().keys()]).toEqual(OURS)
  })

  it.each(OURS)("refuses a strategy of the host's that is called %s", (name) => {
    const attempt = () => balancerTable({ [name]: firstOfAll })
    expect(attempt).toThrow(ProxyError)
    expect(attempt).toThrow(
      expect.objectContaining({
        code: 'PROXY_OPTION_INVALID',
        message: `balancers.${name}: Switchover has a strategy of this name`,
      }),
    )
  })

  it('finds no strategy under an inherited name', () => {
    expect(balancerTable().get('toString')).toBeUndefined()
    expect(balancerTable({ toString: firstOfAll }).get('toString')).toBe(firstOfAll)
  })
})
