import { expect, it } from 'vitest'
import { beginAge } from '../../../src/engine/upstream/connection-age.js'

// Node never forgets the list of an unreferenced timer's duration before its end: one duration for each connection is a leak.
it('connections share a hundred age limits, between nine tenths of the limit and all of it', () => {
  const limits = new Set<number>()
  for (let opened = 0; opened < 5_000; opened++) {
    const age = beginAge(600_000, () => {}) as unknown as NodeJS.Timeout & { _idleTimeout: number }
    limits.add(age._idleTimeout)
    clearTimeout(age)
  }
  expect(limits.size).toBeLessThanOrEqual(100)
  expect(limits.size).toBeGreaterThan(50)
  expect(Math.min(...limits)).toBeGreaterThanOrEqual(540_000)
  expect(Math.max(...limits)).toBeLessThanOrEqual(600_000)
})

it('there is no timer without a limit', () => {
  expect(beginAge(Number.POSITIVE_INFINITY, () => {})).toBeUndefined()
})
