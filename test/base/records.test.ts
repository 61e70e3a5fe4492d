import { describe, expect, it } from 'vitest'
import { nullRecord, present } from '../../src/base/records.js'

describe('present', () => {
  it('leaves out fields without a value, and keeps the order of the others', () => {
    expect(present({ a: 1, b: undefined, c: false })).toStrictEqual({ a: 1, c: false })
    expect(Object.keys(present({ z: '', a: 0 }))).toEqual(['z', 'a'])
  })
})

describe('nullRecord', () => {
  it('has no name that nobody put there', () => {
    expect('toString' in nullRecord()).toBe(false)
    expect('__proto__' in nullRecord()).toBe(false)
  })
})
