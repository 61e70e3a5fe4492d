import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { runAtOnce } from '../../src/base/run-steps.js'
import { sortSteps } from '../../src/routing/sort-steps.js'

interface Item {
  readonly key: number
  readonly place: number
}

const byKey = (a: Item, b: Item) => a.key - b.key

/** Items with few keys, so that many are equal, and with the places in which they stand. */
function itemsOf(count: number, key: (index: number) => number): Item[] {
  return Array.from({ length: count }, (_, place) => ({ key: key(place), place }))
}

function pausesOf(count: number): number {
  const steps = sortSteps(
    itemsOf(count, (index) => -index),
    byKey,
  )
  let pauses = 0
  while (!steps.next().done) pauses += 1
  return pauses
}

describe('sortSteps', () => {
  it.each([0, 1, 2, 1_999, 2_000, 2_001, 4_000, 4_001, 6_500, 9_999])(
    'sorts %i items as a stable sort does',
    (count) => {
      for (const key of [
        (index: number) => index,
        (index: number) => -index,
        (index: number) => (index * 7919) % 13,
        () => 0,
      ]) {
        const items = itemsOf(count, key)
        expect(runAtOnce(sortSteps(items, byKey))).toEqual(items.toSorted(byKey))
      }
    },
  )

  it('sorts any list as a stable sort does', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 5 })), fc.integer({ min: 0, max: 5 }), (keys, times) => {
        const many = Array.from({ length: times * 200 }, () => keys).flat()
        const items = many.map((key, place) => ({ key, place }))
        expect(runAtOnce(sortSteps(items, byKey))).toEqual(items.toSorted(byKey))
      }),
    )
  })

  it('leaves the list as it is', () => {
    const items = Object.freeze([3, 1, 2])
    expect(runAtOnce(sortSteps(items, (a, b) => a - b))).toEqual([1, 2, 3])
    expect(items).toEqual([3, 1, 2])
  })

  it.each([
    [0, 0],
    [2_000, 1],
    [2_001, 2 + 1],
    // Two runs and one, merged to two, then to one: 2 pauses, 1, and 3.
    [6_000, 3 + 3 + 3],
  ])('pauses behind every 2,000 items that it has sorted or merged: %i items, %i times', (count, pauses) => {
    expect(pausesOf(count)).toBe(pauses)
  })
})
