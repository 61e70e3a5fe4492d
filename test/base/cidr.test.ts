import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Address, parseAddress, parseRange } from '../../src/base/cidr.js'
import { compileRanges } from '../../src/base/range-set.js'

/** Whether the one range takes the address, as a rule would see it. */
function takes(range: string, address: string): boolean {
  const parsed = parseAddress(address)
  if (parsed === undefined) throw new Error(`${address} is no address`)
  return compileRanges([parseRange(range)])(parsed)
}

// Few distinct bits, so that generated ranges and addresses meet, touch and nest.
const four = fc
  .tuple(
    fc.constantFrom(0, 10, 127, 128, 255),
    fc.constantFrom(0, 1, 255),
    fc.constantFrom(0, 128),
    fc.nat(255),
  )
  .map((parts): Written => {
    const value = parts.reduce((sum, part) => (sum << 8n) | BigInt(part), 0n)
    return { text: parts.join('.'), bits: 0xffff_0000_0000n | value }
  })
const mapped = four.map(({ text, bits }): Written => ({ text: `::ffff:${text}`, bits }))
const six = fc
  .tuple(
    fc.array(fc.constantFrom(0, 0, 1, 0x2001, 0x7fff, 0x8000, 0xfffe, 0xffff), {
      minLength: 8,
      maxLength: 8,
    }),
    fc.nat(8),
    fc.boolean(),
    fc.boolean(),
  )
  .map(([groups, zeros, dotted, compressed]): Written => {
    const bits = groups.fill(0, 0, zeros).reduce((sum, group) => (sum << 16n) | BigInt(group), 0n)
    return { text: textOfSix(bits, dotted, compressed), bits }
  })
const written = fc.oneof(four, mapped, six)
const writtenRange: fc.Arbitrary<WrittenRange> = fc.oneof(
  fc
    .tuple(four, fc.nat(32))
    .map(([at, length]) => ({ at, length: length + 96, text: `${at.text}/${length}` })),
  fc
    .tuple(fc.oneof(mapped, six), fc.oneof(fc.nat(128), fc.integer({ min: 96, max: 128 })))
    // Of an IPv4 address within IPv6 nothing would be left: refused.
    .filter(([at, length]) => length >= 96 || !(isFour(at) || at.text.includes('.')))
    .map(([at, length]) => ({ at, length, text: `${at.text}/${length}` })),
  written.map((at) => ({ at, length: 128, text: at.text })),
)

describe('parseAddress', () => {
  it.each([
    ['0.0.0.0', 0],
    ['10.0.0.1', 0x0a00_0001],
    ['255.255.255.255', 0xffff_ffff],
    ['::', 0n],
    ['::1', 1n],
    ['2001:db8::ff', 0x2001_0db8_0000_0000_0000_0000_0000_00ffn],
    ['2001:0DB8:0:0:0:0:0:FF', 0x2001_0db8_0000_0000_0000_0000_0000_00ffn],
    ['ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', (1n << 128n) - 1n],
    ['::10.0.0.1', 0x0a00_0001n],
  ])('reads %s as a number of its family', (text, address) => {
    expect(parseAddress(text)).toBe(address)
  })

  it.each(['::ffff:10.0.0.1', '::FFFF:10.0.0.1', '::ffff:a00:1', '0:0:0:0:0:ffff:0a00:0001'])(
    'takes %s for the IPv4 address that it maps',
    (text) => {
      expect(parseAddress(text)).toBe(parseAddress('10.0.0.1'))
    },
  )

  it.each([
    '',
    ' 10.0.0.1',
    '10.0.0.1 ',
    '10.0.0.1\n',
    '1',
    '10.1',
    '10.0.1',
    '10.0.0.1.',
    '1.2.3.256',
    '1.2.3.-4',
    '010.0.0.1',
    '1.2.3.04',
    '0x7f.1',
    '0x7f.0.0.1',
    '10.0.0.1:80',
    '10.0.0.1/32',
    '[::1]',
    '::1%eth0',
    'fe80::1%eth0',
    ':::1',
    '1::2::3',
    '12345::',
    '::g',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '::ffff:010.0.0.1',
    'localhost',
    'unknown',
    '10.0.0.*',
    '１0.0.0.1',
  ])('reads nothing from %j', (text) => {
    expect(parseAddress(text)).toBeUndefined()
    expect(parseAddress(text)).toBeUndefined()
  })

  it('answers the same after more addresses than it remembers', () => {
    const first = parseAddress('10.1.2.3')
    for (let index = 0; index < 10_000; index++) parseAddress(`172.16.${index >> 8}.${index & 255}`)
    expect(parseAddress('10.1.2.3')).toBe(first)
  })

  it('reads every way of writing an IPv6 address as the same number', () => {
    fc.assert(
      fc.property(six, (one) => {
        const expected = isFour(one) ? Number(one.bits & 0xffff_ffffn) : one.bits
        expect(parseAddress(one.text), one.text).toBe(expected)
        expect(parseAddress(one.text.toUpperCase()), one.text).toBe(expected)
      }),
      { numRuns: 1000 },
    )
  })

  it('never throws, whatever the text', () => {
    const piece = fc.constantFrom(
      '0',
      '1',
      'ffff',
      'FFFF',
      '12345',
      '',
      '1.2.3.4',
      '01.2.3.4',
      '1.2.3',
      '%',
      'x',
      '/',
    )
    const text = fc.oneof(
      fc.string(),
      fc.array(piece, { maxLength: 10 }).map((pieces) => pieces.join(':')),
    )
    fc.assert(
      fc.property(text, (sample) => {
        expect(['undefined', 'number', 'bigint']).toContain(typeof parseAddress(sample))
      }),
      { numRuns: 2000 },
    )
  })
})

describe('parseRange', () => {
  it.each([
    ['10.0.0.1', '10.0.0.1', '10.0.0.1'],
    ['10.0.0.1/32', '10.0.0.1', '10.0.0.1'],
    ['10.0.0.0/8', '10.0.0.0', '10.255.255.255'],
    ['0.0.0.0/0', '0.0.0.0', '255.255.255.255'],
    ['128.0.0.0/1', '128.0.0.0', '255.255.255.255'],
    ['192.168.1.64/26', '192.168.1.64', '192.168.1.127'],
    ['::1/128', '::1', '::1'],
    ['::/0', '::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
    ['2001:db8::/32', '2001:db8::', '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff'],
    ['2001:db8::/127', '2001:db8::', '2001:db8::1'],
  ])('%s runs from %s to %s', (text, first, last) => {
    expect(parseRange(text)).toEqual({ first: parseAddress(first), last: parseAddress(last) })
  })

  it.each([
    ['10.1.2.3/8', '10.0.0.0/8'],
    ['192.168.1.77/26', '192.168.1.64/26'],
    ['255.255.255.255/0', '0.0.0.0/0'],
    ['2001:db8::ff/32', '2001:db8::/32'],
    ['::ffff:10.1.2.3/104', '10.0.0.0/8'],
  ])('masks the host bits of %s: it is %s', (text, masked) => {
    expect(parseRange(text)).toEqual(parseRange(masked))
  })

  it.each([
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['::ffff:10.0.0.1/128', '10.0.0.1/32'],
    ['::ffff:10.0.0.0/104', '10.0.0.0/8'],
    ['::ffff:a00:0/104', '10.0.0.0/8'],
    ['::ffff:0:0/96', '0.0.0.0/0'],
  ])('%s is the IPv4 range %s', (mapped, four) => {
    expect(parseRange(mapped)).toEqual(parseRange(four))
  })

  it.each([
    ['', 'the address is missing'],
    ['/8', 'the address is missing'],
    [' 10.0.0.1', 'expected an IPv4 or IPv6 address, found " 10.0.0.1"'],
    ['1', 'expected four numbers with dots between them, found 1'],
    ['1/8', 'expected four numbers with dots between them, found 1'],
    ['10.0/16', 'expected four numbers with dots between them, found 2'],
    ['10.0.0.0.0/8', 'expected four numbers with dots between them, found 5'],
    ['010.0.0.0/8', '"010" has a leading zero'],
    ['1.2.3.04', '"04" has a leading zero'],
    ['1.2.3.256', 'each of the four numbers must be 0 to 255'],
    ['1.2.3.', 'each of the four numbers must be 0 to 255'],
    ['0x7f.1', 'expected an IPv4 or IPv6 address, found "0x7f.1"'],
    ['10.0.0.*', 'expected an IPv4 or IPv6 address, found "10.0.0.*"'],
    ['10.0.0.1-10.0.0.9', 'expected an IPv4 or IPv6 address, found "10.0.0.1-10.0.0.9"'],
    ['10.0.0.1:80', 'expected an IPv4 or IPv6 address, found "10.0.0.1:80"'],
    ['fe80::1%eth0', 'a zone means nothing on another machine'],
    ['fe80::1%eth0/64', 'a zone means nothing on another machine'],
    [':::1', 'expected an IPv4 or IPv6 address, found ":::1"'],
    ['[::1]', 'expected an IPv4 or IPv6 address, found "[::1]"'],
    ['10.0.0.0/33', 'expected a prefix length from 0 to 32 after the "/", found "33"'],
    ['10.0.0.0/', 'expected a prefix length from 0 to 32 after the "/", found ""'],
    ['10.0.0.0/08', 'expected a prefix length from 0 to 32 after the "/", found "08"'],
    ['10.0.0.0/00', 'expected a prefix length from 0 to 32 after the "/", found "00"'],
    ['10.0.0.0/-1', 'expected a prefix length from 0 to 32 after the "/", found "-1"'],
    ['10.0.0.0/+8', 'expected a prefix length from 0 to 32 after the "/", found "+8"'],
    ['10.0.0.0/8.0', 'expected a prefix length from 0 to 32 after the "/", found "8.0"'],
    ['10.0.0.0/1e1', 'expected a prefix length from 0 to 32 after the "/", found "1e1"'],
    ['10.0.0.0/ 8', 'expected a prefix length from 0 to 32 after the "/", found " 8"'],
    ['10.0.0.0/8 ', 'expected a prefix length from 0 to 32 after the "/", found "8 "'],
    ['10.0.0.0/8/8', 'expected a prefix length from 0 to 32 after the "/", found "8/8"'],
    ['10.0.0.0/255.0.0.0', 'expected a prefix length from 0 to 32 after the "/", found "255.0.0.0"'],
    ['::1/129', 'expected a prefix length from 0 to 128 after the "/", found "129"'],
    ['::1/999', 'expected a prefix length from 0 to 128 after the "/", found "999"'],
    [
      '::ffff:10.0.0.0/8',
      'a prefix length below 96 cuts off the IPv4 address; expected a length from 96 to 128',
    ],
    ['::ffff:10.0.0.0/8', 'write "10.0.0.0/8" or "::ffff:10.0.0.0/104"'],
    ['::FFFF:a00:0/8', 'write "10.0.0.0/8" or "::FFFF:a00:0/104"'],
    ['::ffff:10.1.2.3/0', 'write "10.1.2.3/0" or "::ffff:10.1.2.3/96"'],
    ['::ffff:10.1.2.3/32', 'write "10.1.2.3/32" or "::ffff:10.1.2.3/128"'],
    ['::ffff:10.0.0.0/64', 'expected a length from 96 to 128'],
    ['::ffff:0:0/95', 'expected a length from 96 to 128'],
    ['::10.0.0.0/8', 'expected a length from 96 to 128'],
    ['64:ff9b::10.0.0.0/95', 'expected a length from 96 to 128'],
    ['::ffff:10.0.0.0/129', 'expected a prefix length from 0 to 128 after the "/", found "129"'],
  ])('refuses %j and says why', (text, reason) => {
    expect(() => parseRange(text)).toThrow(`${JSON.stringify(text)} is not an address range: `)
    expect(() => parseRange(text)).toThrow(reason)
  })
})

describe('compileRanges', () => {
  it.each([
    ['10.1.1.0/24', '10.1.1.0', true],
    ['10.1.1.0/24', '10.1.1.255', true],
    ['10.1.1.0/24', '10.1.0.255', false],
    ['10.1.1.0/24', '10.1.2.0', false],
    ['10.0.0.1', '::ffff:10.0.0.1', true],
    ['::ffff:10.0.0.1', '10.0.0.1', true],
    ['::ffff:10.0.0.0/104', '10.200.0.1', true],
    ['::ffff:10.0.0.0/104', '11.0.0.1', false],
    ['::/0', '2001:db8::1', true],
    ['::/0', '10.0.0.1', false],
    ['::/0', '::ffff:10.0.0.1', false],
    ['::/90', '10.0.0.1', false],
    ['::ffff:0:0/96', '10.0.0.1', true],
    ['0.0.0.0/0', '255.255.255.255', true],
    ['0.0.0.0/0', '::1', false],
    ['0.0.0.0/0', '::10.0.0.1', false],
    ['::10.0.0.0/104', '10.0.0.1', false],
    ['::10.0.0.0/104', '::10.1.1.1', true],
    ['2001:db8::/33', '2001:db8:7fff::', true],
    ['2001:db8::/33', '2001:db8:8000::', false],
  ])('%s and %s: %s', (range, address, expected) => {
    expect(takes(range, address)).toBe(expected)
  })

  it('takes nothing if there is no range', () => {
    expect(compileRanges([])(0)).toBe(false)
    expect(compileRanges([])(0n)).toBe(false)
  })

  it('does not reorder the ranges that it was given', () => {
    const ranges = [parseRange('20.0.0.0/8'), parseRange('10.0.0.0/8')]
    const before = [...ranges]
    compileRanges(ranges)
    expect(ranges).toEqual(before)
  })

  it('takes an address exactly if one of its ranges has the same prefix, in the same family', () => {
    fc.assert(
      fc.property(fc.array(writtenRange, { maxLength: 8 }), fc.array(written), (ranges, addresses) => {
        const within = compileRanges(ranges.map(({ text }) => parseRange(text)))
        // Where a range begins and ends is where an error of one would show.
        for (const one of [...addresses, ...ranges.flatMap(edgesOf)]) {
          const context = `${one.text} in ${ranges.map(({ text }) => text)}`
          const expected = ranges.some((range) => naivelyTakes(range, one))
          expect(within(parseAddress(one.text) as Address), context).toBe(expected)
        }
      }),
      { numRuns: 500 },
    )
  })
})

// A second way to the same answers: every address is a number of 128 bits, IPv4 in its mapped place; two addresses are
// in one range if as many of their first bits are equal as the range says.

interface Written {
  readonly text: string
  readonly bits: bigint
}

interface WrittenRange {
  readonly text: string
  readonly at: Written
  readonly length: number
}

function isFour({ bits }: Written): boolean {
  return bits >> 32n === 0xffffn
}

function naivelyTakes({ at, length }: WrittenRange, address: Written): boolean {
  const beyond = BigInt(128 - length)
  const rangeIsFour = isFour(at) && length >= 96
  return rangeIsFour === isFour(address) && at.bits >> beyond === address.bits >> beyond
}

it('does not remember what is too long to be an address', () => {
  expect(parseAddress(`10.0.0.1${' '.repeat(16_000)}`)).toBeUndefined()
})

/** The first and the last address of a range, and their neighbours outside. */
function edgesOf({ at, length }: WrittenRange): Written[] {
  const size = 1n << BigInt(128 - length)
  const first = (at.bits / size) * size
  return [first - 1n, first, first + size - 1n, first + size]
    .filter((bits) => bits >= 0n && bits < 1n << 128n)
    .map((bits) => ({ bits, text: textOfSix(bits, false, false) }))
}

function textOfSix(bits: bigint, dotted: boolean, compressed: boolean): string {
  const groups = Array.from({ length: 8 }, (_, index) => Number((bits >> BigInt(112 - 16 * index)) & 0xffffn))
  const words = groups.map((group) => group.toString(16))
  if (dotted) {
    const tail = groups.slice(6).flatMap((group) => [group >> 8, group & 255])
    words.splice(6, 2, tail.join('.'))
  }
  const text = words.join(':')
  return compressed ? text.replace(/(^|:)0(:0)*(:|$)/, '::') : text
}
