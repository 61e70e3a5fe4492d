import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatRange, parseRange } from '../../src/base/cidr.js'
import { compileWithin, rangesCover, sharedRange } from '../../src/base/range-set.js'

const ranges = (...texts: string[]) => texts.map(parseRange)

describe('addresses as text', () => {
  it.each([
    ['10.1.2.3', true],
    ['::ffff:10.1.2.3', true],
    ['11.0.0.1', false],
    ['2001:db8::7', true],
    ['2001:db9::', false],
    ['unknown', false],
    ['', false],
    ['1'.repeat(1_000), false],
  ])('are within or not: %s, %s', (address, expected) => {
    expect(compileWithin(ranges('10.0.0.0/8', '2001:db8::/32'))(address)).toBe(expected)
  })

  it('are told apart to the last bit', () => {
    const within = compileWithin(ranges('2001:db8::1:0:0:8/125', '2001:db8:0:0:1::/79', '10.0.0.7'))
    expect(
      ['2001:db8::1:0:0:7', '2001:db8::1:0:0:8', '2001:db8::1:0:0:f', '2001:db8::1:0:0:10'].map(within),
    ).toEqual([true, true, true, true])
    const narrow = compileWithin(ranges('2001:db8:ffff:ffff:ffff:ffff:ffff:fff8/125'))
    expect(['7', '8', 'f'].map((last) => narrow(`2001:db8:ffff:ffff:ffff:ffff:ffff:fff${last}`))).toEqual([
      false,
      true,
      true,
    ])
    expect(['10.0.0.6', '10.0.0.7', '10.0.0.8'].map(within)).toEqual([false, true, false])
  })
})

describe('covering', () => {
  it.each([
    [['10.0.0.0/8'], ['10.1.0.0/16', '10.255.255.255'], true],
    [['10.0.0.0/8'], ['10.1.0.0/16', '11.0.0.1'], false],
    [['10.0.0.0/8'], ['10.0.0.0/7'], false],
    [['::/0'], ['10.0.0.1'], false],
    [['0.0.0.0/0', '::/0'], ['10.0.0.1', '::1'], true],
    [[], ['10.0.0.1'], false],
    [['10.0.0.1'], [], true],
  ])('%j covers %j: %s', (wide, narrow, expected) => {
    expect(rangesCover(ranges(...wide), ranges(...narrow))).toBe(expected)
  })
})

describe('sharing', () => {
  it.each([
    [['10.0.0.0/8'], ['10.1.0.0/16'], '10.1.0.0/16'],
    [['10.1.0.0/16'], ['10.0.0.0/8'], '10.1.0.0/16'],
    [['10.0.0.0/8', '::1'], ['11.0.0.0/8', '::/0'], '::1'],
    [['10.0.0.0/8'], ['::/0'], undefined],
    [['10.0.0.0/9'], ['10.128.0.0/9'], undefined],
  ])('%j and %j share %s', (one, other, expected) => {
    const shared = sharedRange(ranges(...one), ranges(...other))
    expect(shared && formatRange(shared)).toBe(expected)
  })
})

describe('a range as text', () => {
  it('is what it was parsed from', () => {
    const four = fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 }))
    const six = fc.tuple(fc.ipV6(), fc.integer({ min: 0, max: 128 }))
    fc.assert(
      fc.property(fc.oneof(four, six), ([address, length]) => {
        // Of an IPv4 address within IPv6 nothing would be left: refused.
        fc.pre(length >= 96 || !address.includes(':') || !address.includes('.'))
        const range = parseRange(`${address}/${length}`)
        expect(parseRange(formatRange(range))).toEqual(range)
      }),
    )
  })

  it('that is no block is two addresses', () => {
    const { first } = parseRange('10.0.0.1')
    const { last } = parseRange('10.0.0.7')
    expect(formatRange({ first, last })).toBe('10.0.0.1 to 10.0.0.7')
  })
})
