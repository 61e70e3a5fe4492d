import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'
import { quote } from './document-shapes.js'

/**
 * An address as a number: comparable, and no text is parsed twice. IPv4 in a `number`, IPv6 in a `bigint`, so
 * that the two families can never be equal by accident. IPv4-mapped IPv6 (`::ffff:10.0.0.1`) *is* IPv4.
 */
export type Address = number | bigint

/** All addresses from `first` to `last`, both of one family. */
export interface AddressRange {
  readonly first: Address
  readonly last: Address
}

/** Keeps the addresses of busy clients parsed; emptied when full, so that hostile variety cannot grow it. */
const MAX_REMEMBERED = 4096
const remembered = new Map<string, Address | undefined>()

/** `0000:0000:0000:0000:0000:ffff:255.255.255.255`: what is longer is no address, and not worth remembering. */
const MAX_LENGTH = 45

/** An address from its text, or nothing if it is none. Strict: no leading zeros, no short forms, no zone. */
export function parseAddress(text: string): Address | undefined {
  if (text.length > MAX_LENGTH) return undefined
  let address = remembered.get(text)
  if (address === undefined && !remembered.has(text)) {
    address = readAddress(text)
    if (remembered.size >= MAX_REMEMBERED) remembered.clear()
    remembered.set(text, address)
  }
  return address
}

// ipaddr.js alone would take 010.0.0.1 for 8.0.0.1, and 1 or 0x7f.1 for whole addresses: node decides what is
// an address, ipaddr.js what its bytes are. It takes ::10.0.0.1 for ::ffff:10.0.0.1, but not 0::10.0.0.1.
function readAddress(text: string): Address | undefined {
  const family = isIP(text)
  if (family === 0 || text.includes('%')) return undefined
  const bytes = ipaddr.process(text.replace(/^::(?=\d+\.)/, '0::')).toByteArray()
  return bytes.length === 4 ? bytesToNumber(bytes) : bytesToBigInt(bytes)
}

function bytesToNumber(bytes: readonly number[]): number {
  return bytes.reduce((value, byte) => value * 256 + byte, 0)
}

function bytesToBigInt(bytes: readonly number[]): bigint {
  return bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n)
}

/**
 * A range from its text: an address, or an address and a prefix length. Bits beyond the length are masked, as
 * in Traefik. A range within `::ffff:0:0/96` is the IPv4 range it maps.
 *
 * @throws Error that says what is wrong and what was expected
 */
export function parseRange(text: string): AddressRange {
  const slash = text.indexOf('/')
  const host = slash < 0 ? text : text.slice(0, slash)
  const address = readAddress(host)
  if (address === undefined) throw new Error(`${quote(text)} is no address range: ${whyNot(host)}`)
  if (slash < 0) return { first: address, last: address }

  const lengthText = text.slice(slash + 1)
  const written = host.includes(':') ? 128 : 32
  const length = /^(0|[1-9]\d{0,2})$/.test(lengthText) ? Number(lengthText) : Number.NaN
  if (!(length <= written)) {
    throw new Error(
      `${quote(text)} is no address range: expected a prefix length from 0 to ${written} after the "/", found ${quote(lengthText)}`,
    )
  }
  if (typeof address === 'bigint') return rangeOfSix(address, length)
  if (written === 32) return rangeOfFour(address, length)
  if (length >= 96) return rangeOfFour(address, length - 96)
  // A mapped address in a range wider than the mapped block: the range is an IPv6 one after all.
  return rangeOfSix(0xffff_0000_0000n | BigInt(address), length)
}

function rangeOfFour(address: number, length: number): AddressRange {
  const size = 2 ** (32 - length)
  const first = Math.floor(address / size) * size
  return { first, last: first + size - 1 }
}

function rangeOfSix(address: bigint, length: number): AddressRange {
  const size = 1n << BigInt(128 - length)
  const first = (address / size) * size
  return { first, last: first + size - 1n }
}

function whyNot(host: string): string {
  if (host === '') return 'the address is missing'
  if (host.includes('%')) return 'an address with a zone means nothing on another machine'
  if (/^[\d.]+$/.test(host)) {
    const parts = host.split('.')
    if (parts.length !== 4) return `expected four numbers with dots between them, found ${parts.length}`
    const zero = parts.find((part) => /^0\d/.test(part))
    if (zero !== undefined)
      return `${quote(zero)} has a leading zero (octal to some programs, decimal to others)`
    return 'each of the four numbers must be 0 to 255'
  }
  return `expected an IPv4 or IPv6 address, found ${quote(host)}`
}

/** Compiles ranges to one test of an address. Ranges are sorted and joined, so the cost is that of a binary search. */
export function compileRanges(ranges: readonly AddressRange[]): (address: Address) => boolean {
  const four = joinRanges(ranges.filter(({ first }) => typeof first === 'number'))
  const six = joinRanges(ranges.filter(({ first }) => typeof first === 'bigint'))
  return (address) => contains(typeof address === 'number' ? four : six, address)
}

interface JoinedRanges {
  readonly firsts: readonly Address[]
  readonly lasts: readonly Address[]
}

function joinRanges(ranges: readonly AddressRange[]): JoinedRanges {
  const sorted = ranges.toSorted((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0))
  const firsts: Address[] = []
  const lasts: Address[] = []
  for (const { first, last } of sorted) {
    const before = lasts.at(-1)
    if (before === undefined || first > before) {
      firsts.push(first)
      lasts.push(last)
    } else if (last > before) {
      lasts[lasts.length - 1] = last
    }
  }
  return { firsts, lasts }
}

function contains({ firsts, lasts }: JoinedRanges, address: Address): boolean {
  let low = 0
  let high = firsts.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((firsts[middle] as Address) <= address) low = middle + 1
    else high = middle
  }
  return low > 0 && address <= (lasts[low - 1] as Address)
}
