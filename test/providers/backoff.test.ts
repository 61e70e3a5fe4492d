import { describe, expect, it } from 'vitest'
import { Backoff } from '../../src/providers/backoff.js'

/** The next delays, with a random number that is always the same. */
function delays(count: number, random: number, [minMs, maxMs]: [number, number] = [100, 2_000]): number[] {
  const backoff = new Backoff(minMs, maxMs, () => random)
  return Array.from({ length: count }, () => backoff.next())
}

describe('Backoff', () => {
  it('doubles the longest delay from the first to the limit, and stays there', () => {
    expect(delays(8, 1)).toEqual([100, 200, 400, 800, 1_600, 2_000, 2_000, 2_000])
  })

  it('draws each delay from the whole span below the longest', () => {
    expect(delays(6, 0.5)).toEqual([50, 100, 200, 400, 800, 1_000])
  })

  it('never waits less than a quarter of the first span, so that no draw makes a tight loop', () => {
    expect(delays(4, 0)).toEqual([25, 25, 25, 25])
  })

  it('spreads real draws over the whole span', () => {
    const drawn = Array.from({ length: 2_000 }, () => {
      const backoff = new Backoff(100, 2_000)
      for (let failure = 0; failure < 5; failure++) backoff.next()
      return backoff.next()
    })
    expect(Math.min(...drawn)).toBeGreaterThanOrEqual(25)
    expect(Math.max(...drawn)).toBeLessThanOrEqual(2_000)
    for (const [from, to] of [
      [25, 500],
      [500, 1_000],
      [1_000, 1_500],
      [1_500, 2_000],
    ] as const) {
      expect(drawn.filter((ms) => ms >= from && ms < to).length).toBeGreaterThan(300)
    }
  })

  it('begins anew after a success', () => {
    const backoff = new Backoff(100, 2_000, () => 1)
    for (let failure = 0; failure < 6; failure++) backoff.next()
    backoff.reset()
    expect([backoff.next(), backoff.next()]).toEqual([100, 200])
  })

  it('still knows its limit after thousands of failures', () => {
    expect(delays(5_000, 1).at(-1)).toBe(2_000)
  })
})
