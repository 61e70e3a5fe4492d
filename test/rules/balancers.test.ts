import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ProxyError } from '../../src/model/errors.js'
import {
  type Balancer,
  type BalancerFactory,
  balancerTable,
  type Candidate,
  DEFAULT_STRATEGY,
  LATER_STRATEGIES,
} from '../../src/rules/balancers.js'

interface NamedServer extends Candidate {
  readonly name: string
}

function servers(...weights: number[]): NamedServer[] {
  return weights.map((weight, index) => ({ name: String.fromCharCode(97 + index), weight }))
}

function wrr(upstreams: readonly NamedServer[]): Balancer<NamedServer> {
  const factory = balancerTable().get('wrr')
  if (!factory) throw new Error('there is no wrr')
  return factory(upstreams)
}

function picks(pick: Balancer<NamedServer>, count: number, skip?: ReadonlySet<NamedServer>): string {
  return Array.from({ length: count }, () => pick(skip)?.name ?? '-').join('')
}

function countOf(text: string, letter: string): number {
  return text.split(letter).length - 1
}

const firstOfAll: BalancerFactory = (upstreams) => () => upstreams[0]

describe('wrr', () => {
  it('is the default strategy', () => {
    expect(DEFAULT_STRATEGY).toBe('wrr')
  })

  it.each([
    ['one server', [1], 'aaaa'],
    ['equal servers in turn', [1, 1, 1], 'abcabc'],
    ['a heavy server spread out, not in a row', [5, 1, 1], 'aabacaaaabacaa'],
    ['weights below one', [0.5, 0.25, 0.25], 'abcaabca'],
  ])('picks %s', (_what, weights, expected) => {
    expect(picks(wrr(servers(...weights)), expected.length)).toBe(expected)
  })

  it('gives every server exactly its share in every window of as many picks as the weights add up to', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 6 }), (weights) => {
        const total = weights.reduce((sum, weight) => sum + weight, 0)
        const row = picks(wrr(servers(...weights)), total * 3)
        for (let start = 0; start <= total * 2; start++) {
          const window = row.slice(start, start + total)
          const shares = servers(...weights).map(({ name }) => countOf(window, name))
          expect(shares).toEqual(weights)
        }
      }),
      { numRuns: 60 },
    )
  })

  it('never picks a server that is to be skipped, and shares its picks among the others', () => {
    const upstreams = servers(5, 1, 2)
    const skip = new Set(upstreams.slice(0, 1))
    const row = picks(wrr(upstreams), 30, skip)
    expect([countOf(row, 'a'), countOf(row, 'b'), countOf(row, 'c')]).toEqual([0, 10, 20])
  })

  it('honours whatever is to be skipped from pick to pick', () => {
    const upstreams = servers(3, 2, 1)
    fc.assert(
      fc.property(fc.array(fc.subarray([0, 1, 2]), { maxLength: 40 }), (skips) => {
        const pick = wrr(upstreams)
        for (const indexes of skips) {
          const skip = new Set(indexes.map((index) => upstreams[index] as NamedServer))
          const picked = pick(skip)
          if (skip.size === upstreams.length) expect(picked).toBeUndefined()
          else expect(upstreams.filter((upstream) => !skip.has(upstream))).toContain(picked)
        }
      }),
    )
  })

  it('does not make up for the time in which a server was skipped', () => {
    const upstreams = servers(1, 1)
    const pick = wrr(upstreams)
    picks(pick, 100, new Set(upstreams.slice(0, 1)))
    expect(countOf(picks(pick, 10), 'a')).toBe(5)
  })

  it('picks nothing of nothing, nor when all are to be skipped', () => {
    const upstreams = servers(1, 1)
    expect(wrr([])()).toBeUndefined()
    expect(wrr(upstreams)(new Set(upstreams))).toBeUndefined()
  })

  it('keeps a rotation of its own for each backend', () => {
    const [one, two] = [wrr(servers(1, 1)), wrr(servers(1, 1))]
    expect(picks(one, 1) + picks(two, 1) + picks(one, 1)).toBe('aab')
  })
})

describe('balancerTable', () => {
  it('has ours', () => {
    expect([...balancerTable().keys()]).toEqual(['wrr'])
  })

  it("has the host's own beside ours", () => {
    const table = balancerTable({ first: firstOfAll })
    expect([...table.keys()]).toEqual(['wrr', 'first'])
    expect(table.get('first')).toBe(firstOfAll)
    expect([...balancerTable().keys()]).toEqual(['wrr'])
  })

  it.each(['wrr', ...LATER_STRATEGIES])("refuses a strategy of the host's that is called %s", (name) => {
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
