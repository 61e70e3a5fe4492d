import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isSameData } from '../../src/model/same-data.js'

describe('isSameData', () => {
  it.each([
    [{ a: 1, b: [1, { c: 'x' }] }, { b: [1, { c: 'x' }], a: 1 }, true],
    [{ a: 1 }, Object.assign(Object.create(null), { a: 1 }), true],
    [{ a: undefined }, {}, false],
    [{ a: undefined }, { b: undefined }, false],
    [[1, 2], [2, 1], false],
    [[], {}, false],
    [{}, null, false],
    ['1', 1, false],
    [{ toString: 1 }, { valueOf: 1 }, false],
  ])('of %j and %j: %s', (one, other, same) => {
    expect(isSameData(one, other)).toBe(same)
    expect(isSameData(other, one)).toBe(same)
  })

  it('says what node says of everything that JSON can hold', () => {
    const small = fc.jsonValue({ maxDepth: 3 })
    fc.assert(
      fc.property(small, small, (one, other) => {
        expect(isSameData(one, other)).toBe(isDeepStrictEqual(one, other))
        expect(isSameData(one, structuredClone(one))).toBe(true)
      }),
    )
  })
})
