import { describe, expect, it } from 'vitest'
import { isRecord, nullRecord, present } from '../../src/base/records.js'

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

describe('isRecord', () => {
  it.each<[string, unknown]>([
    ['an object', {}],
    ['one without a prototype', nullRecord()],
  ])('takes %s', (_what, value) => {
    expect(isRecord(value)).toBe(true)
  })

  it.each<[string, unknown]>([
    ['null', null],
    ['a list', []],
    ['a date', new Date(0)],
    ['a Map', new Map()],
    ['an object of a class', new (class {})()],
  ])('does not take %s', (_what, value) => {
    expect(isRecord(value)).toBe(false)
  })
})
