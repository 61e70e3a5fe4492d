import { describe, expect, it } from 'vitest'
import { forwardedChain, withoutZones } from '../../../src/engine/headers/forwarded-chain.js'
import { firstOf, withoutBlanks, withoutEmptyElements } from '../../../src/engine/headers/list-elements.js'

describe('the chain in Forwarded', () => {
  it.each([
    ['for=192.0.2.1', 'for=192.0.2.1'],
    ['For="[2001:db8::1]:4711";proto=https', 'For="[2001:db8::1]:4711";proto=https'],
    ['for=a , for=b;by=_c', 'for=a, for=b;by=_c'],
    ['for=a;;host=b; proto=http;', 'for=a;host=b;proto=http'],
    [', ,for=a,,', 'for=a'],
    ['for="_x \\" , ; y"', 'for="_x \\" , ; y"'],
    ['for="[fe80::1%eth0]:80", for="[::1]"', 'for="[fe80::1]:80", for="[::1]"'],
  ])('is kept where it is valid: %s', (said, kept) => {
    expect(forwardedChain(said, '6.6.6.6')).toBe(kept)
  })

  it.each([
    'for',
    'for=',
    'for=[::1]',
    'for=a b',
    'for="a',
    'for=a"b"',
    'for=192.0.2.1:80',
    '=a',
    'for=a;proto=ht tp',
    'for=a, x',
    'for="a\x01"',
    '',
    ',;,',
  ])('is made of X-Forwarded-For where it is not valid: %j', (said) => {
    expect(forwardedChain(said, '203.0.113.7')).toBe('for=203.0.113.7')
    expect(forwardedChain(said, undefined)).toBeUndefined()
  })

  it.each([
    ['203.0.113.7', 'for=203.0.113.7'],
    ['203.0.113.7:41234, [2001:DB8::1]:443', 'for=203.0.113.7, for="[2001:db8::1]"'],
    ['fe80::1%eth0,,10.0.0.1', 'for="[fe80::1]", for=10.0.0.1'],
    ['unknown, _hidden.1, <x>, _a b', 'for=unknown, for=_hidden.1, for=unknown, for=unknown'],
    [' , ', undefined],
  ])('is made of X-Forwarded-For where there is none: %s', (chain, expected) => {
    expect(forwardedChain(undefined, chain)).toBe(expected)
  })

  it('is read in time that grows with its length alone', () => {
    for (const piece of ['"', '\\"', ';', ',', ' ', 'a', '=', 'a=a;', 'a="', '[a%'])
      expect(forwardedChain(`for="${piece.repeat(200_000)}`, undefined)).toBeUndefined()
    expect(forwardedChain(`for="${'[a%'.repeat(200_000)}"`, undefined)).toHaveLength(600_006)
  }, 60_000)
})

describe('a list', () => {
  it.each([
    ['a, b', 'a, b'],
    ['a,b', 'a,b'],
    [' , a,, b ,', 'a, b'],
    [' ', ''],
    [',', ''],
  ])('%j without empty elements is %j', (list, kept) => {
    expect(withoutEmptyElements(list)).toBe(kept)
  })

  it.each([
    ['1.1.1.1,2.2.2.2', '1.1.1.1,2.2.2.2'],
    ['fe80::1%eth0, 1.1.1.1', 'fe80::1, 1.1.1.1'],
    ['[fe80::1%eth0]:80', '[fe80::1]:80'],
    ['%41, fe80::2%x', '%41, fe80::2'],
  ])('%j without zones is %j', (chain, kept) => {
    expect(withoutZones(chain)).toBe(kept)
  })
})

describe('blanks', () => {
  it('are spaces and tabs alone', () => {
    expect(withoutBlanks(' \t a b\t ')).toBe('a b')
    expect(withoutBlanks('\xa0a\x0b')).toBe('\xa0a\x0b')
    expect(withoutBlanks(' \t ')).toBe('')
    expect(withoutBlanks('a, b ,c', 2, 5)).toBe('b')
  })
})

describe('the first of a list', () => {
  it.each([
    ['a, b', 'a'],
    [' ,, b', 'b'],
    [['a', 'b'], 'a'],
    ['', undefined],
    [',\t,', undefined],
    [undefined, undefined],
  ])('%j is %s', (list, first) => {
    expect(firstOf(list)).toBe(first)
  })
})
