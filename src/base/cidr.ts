import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'
import { quote } from './messages.js'

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

/**
 * An address in three numbers, most significant first, so that two are compared without a `bigint`, which takes ten times
 * as long. Of IPv6 48, 48 and 32 bits; of IPv4 all in the first.
 */
export interface AddressKey {
  readonly family: 4 | 6
  readonly high: number
  readonly middle: number
  readonly low: number
}

/** An address that was read from a text. */
export interface ReadAddress extends AddressKey {
  /**
   * Its one normal form: of IPv6 small letters, no leading zeros, the longest run of zeros as `::` (RFC 5952), without a zone;
   * of a mapped address the IPv4 address. Equal addresses have equal texts.
   */
  readonly text: string
}

/** Keeps the addresses of busy clients parsed; emptied when full, so that hostile variety cannot grow it. */
const MAX_REMEMBERED = 4096
const remembered = new Map<string, ReadAddress | undefined>()

/** `0000:0000:0000:0000:0000:ffff:255.255.255.255`: what is longer is no address, and not worth remembering. */
const MAX_LENGTH = 45
/** The name of a network interface has at most 15 characters on Linux; other systems are given some more. */
const MAX_LENGTH_WITH_ZONE = MAX_LENGTH + 64

/** An address from its text, or nothing if it is none. Strict: no leading zeros, no short forms, no zone. */
export function parseAddress(text: string): Address | undefined {
  return text.length > MAX_LENGTH ? undefined : readAddress(text)
}

/**
 * The address of a client, from its text, or nothing if it is none. A zone (`fe80::1%eth0`) is cut: it names a network
 * interface of this machine, and the address would be in no range. Remembered, for the same clients ask again and again.
 */
export function readClientAddress(text: string): ReadAddress | undefined {
  const known = remembered.get(text)
  if (known !== undefined || remembered.has(text)) return known
  if (text.length > MAX_LENGTH_WITH_ZONE) return undefined
  const zone = text.indexOf('%')
  const isZone = zone > 0 && zone < text.length - 1 && text.includes(':')
  const address = parseAddress(isZone ? text.slice(0, zone) : text)
  const read = address === undefined ? undefined : { ...keyOf(address), text: formatAddress(address) }
  if (remembered.size >= MAX_REMEMBERED) remembered.clear()
  // A copy: what was cut out of a header is kept as a piece of it, and would keep all of it.
  remembered.set(Buffer.from(text).toString(), read)
  return read
}

export function keyOf(address: Address): AddressKey {
  if (typeof address === 'number') return { family: 4, high: address, middle: 0, low: 0 }
  return {
    family: 6,
    high: Number(address >> 80n),
    middle: Number((address >> 32n) & 0xffff_ffff_ffffn),
    low: Number(address & 0xffff_ffffn),
  }
}

// ipaddr.js alone would take 010.0.0.1 for 8.0.0.1, and 1 or 0x7f.1 for whole addresses: node decides what is
// an address, ipaddr.js what its bytes are. It takes ::10.0.0.1 for ::ffff:10.0.0.1, but not 0::10.0.0.1.
function readAddress(text: string): Address | undefined {
  const family = isIP(text)
  if (family === 0 || text.includes('%')) return undefined
  if (family === 4) return bytesToNumber(ipaddr.IPv4.parse(text).toByteArray())
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
  if (address === undefined) throw new Error(`${quote(text)} is no address range: ${whyNoAddress(host)}`)
  if (slash < 0) return { first: address, last: address }

  const lengthText = text.slice(slash + 1)
  const written = host.includes(':') ? 128 : 32
  const length = /^(0|[1-9]\d{0,2})$/.test(lengthText) ? Number(lengthText) : Number.NaN
  if (!(length <= written)) {
    throw new Error(
      `${quote(text)} is no address range: expected a prefix length from 0 to ${written} after the "/", found ${quote(lengthText)}`,
    )
  }
  if (typeof address === 'number' && written === 32) return rangeOfFour(address, length)
  const isMapped = typeof address === 'number'
  // Such a length cuts the IPv4 address off, so that `::ffff:10.0.0.0/8` would be `::/8`.
  if (length < 96 && (isMapped || host.includes('.'))) throw new Error(whyTooShort(text, host, length))
  return isMapped ? rangeOfFour(address, length - 96) : rangeOfSix(address, length)
}

/** What somebody meant who wrote an IPv4 address within an IPv6 range whose length is that of an IPv4 range. */
function whyTooShort(text: string, host: string, length: number): string {
  const four = readAddress(host)
  const meant =
    typeof four === 'number' && length <= 32
      ? `; ${quote(`${formatAddress(four)}/${length}`)} or ${quote(`${host}/${length + 96}`)} is what was meant`
      : ''
  return `${quote(text)} is no address range: a length below 96 leaves nothing of the IPv4 address in it; expected one from 96 to 128${meant}`
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

/** What is wrong with a text that is no address. */
export function whyNoAddress(host: string): string {
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

/** A range as people write it: an address, an address and a length, or two addresses. */
export function formatRange({ first, last }: AddressRange): string {
  const bits = typeof first === 'number' ? 32 : 128
  const size = BigInt(last) - BigInt(first) + 1n
  const length = bits - (size.toString(2).length - 1)
  if (length === bits) return formatAddress(first)
  const isOneBlock = size === 1n << BigInt(bits - length) && BigInt(first) % size === 0n
  return isOneBlock
    ? `${formatAddress(first)}/${length}`
    : `${formatAddress(first)} to ${formatAddress(last)}`
}

function formatAddress(address: Address): string {
  const count = typeof address === 'number' ? 4 : 16
  const bytes = Array.from({ length: count }, (_, index) =>
    Number((BigInt(address) >> BigInt(8 * (count - 1 - index))) & 0xffn),
  )
  return ipaddr.fromByteArray(bytes).toString()
}
