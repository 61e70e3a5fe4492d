import { describe, expect, it } from 'vitest'
import { parseDuration } from '../../src/base/parse-duration.js'
import { cpuMsOf } from '../support/cpu-time.js'

describe('a duration', () => {
  it.each([
    ['10s', 10_000],
    ['1m30s', 90_000],
    ['1.5h', 5_400_000],
    ['250ms', 250],
    ['500us', 0.5],
    ['.5s', 500],
    ['2', 2_000],
    ['0', 0],
    [3, 3_000],
    [0.25, 250],
  ])('%j is %d ms', (text, ms) => expect(parseDuration(text)).toBeCloseTo(ms, 9))

  it.each(
    ['', 's', '10', '-1s', '1s ', '1d', '1s2', 'soon', '1e3', null, true, -1, Number.NaN, {}].filter(
      (one) => one !== '10',
    ),
  )('%j is none', (text) => expect(parseDuration(text)).toBeUndefined())

  it('is no text without end, and such a one takes no time', () => {
    expect(parseDuration(`${'0'.repeat(98)}9s`)).toBe(9_000)
    const ms = cpuMsOf(() => {
      for (const text of [`${'1'.repeat(500_000)}x`, '1s'.repeat(200_000), '1.'.repeat(200_000)])
        expect(parseDuration(text)).toBeUndefined()
    })
    expect(ms).toBeLessThan(2_000)
  })
})
