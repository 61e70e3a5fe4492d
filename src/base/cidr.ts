import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'
import { quote } from './messages.js'

/**
 * An IP address as a number, so that two addresses can be compared without parsing their texts again. IPv4 is a `number` and IPv6
 * a `bigint`, so addresses of different families are never equal by accident. An IPv4-mapped IPv6 address (`::ffff:10.0.0.1`) is
 * stored as the IPv4 address.
 */
export type Address = number | bigint

/** A range of addresses: all from `first` to `last`, both included. Both addresses are of the same family (IPv4 or IPv6). */
export interface AddressRange {
  readonly first: Address
  readonly last: Address
}

/**
 * An address as three numbers, the most significant first. Comparing these numbers takes a tenth of the time of comparing a
 * `bigint`. An IPv6 address is split into 48, 48 and 32 bits. An IPv4 address is in `high`, and the other two numbers are 0.
 */
export interface AddressKey {
  readonly family: 4 | 6
  readonly high: number
  readonly middle: number
  readonly low: number
}

/** An address that was parsed from a text. */
export interface ReadAddress extends AddressKey {
  /**
   * The address in its canonical form, so that equal addresses have equal texts. IPv6 is in lower case, without leading zeros,
   * with the longest run of zeros as `::` (RFC 5952), and without a zone. An IPv4-mapped address has the text of the IPv4
   * address.
   */
  readonly text: string
}

/**
 * Maximum entries in the cache of parsed client addresses. A full cache is emptied, so that many hostile addresses cannot make it
 * grow.
 */
const MAX_REMEMBERED = 4096
const remembered = new Map<string, ReadAddress | undefined>()

/** Characters of the longest address: `0000:0000:0000:0000:0000:ffff:255.255.255.255`. A longer text cannot be an address. */
const MAX_LENGTH = 45
/**
 * Maximum characters of an address with a zone, such as `%eth0`. A longer text is neither parsed nor cached. A zone is the name
 * of a network interface. It has at most 15 characters on Linux, and may be longer on other systems.
 */
const MAX_LENGTH_WITH_ZONE = MAX_LENGTH + 64

/**
 * Parses an address, or returns undefined if the text is not an address. Leading zeros, short forms and zones (`%eth0`) are
 * refused.
 */
export function parseAddress(text: string): Address | undefined {
  return text.length > MAX_LENGTH ? undefined : readAddress(text)
}

/**
 * Parses the address of a client, or returns undefined if the text is not an address. The zone of an address such as
 * `fe80::1%eth0` is cut off, because no range contains an address with a zone. Results are cached, because the same clients send
 * many requests.
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
  // The key is a copy of the text. V8 would otherwise keep a part of a header as a reference that holds the whole header in
  // memory.
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

// Parses an address: Node's `isIP` decides whether a text is an address, and ipaddr.js returns its bytes. Without `isIP`,
// ipaddr.js would read 010.0.0.1 as 8.0.0.1, and accept 1 and 0x7f.1. ipaddr.js reads ::10.0.0.1 wrongly, as ::ffff:10.0.0.1. It
// reads 0::10.0.0.1 correctly, so `::` is replaced by `0::`.
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
 * Parses a range: an address, or an address with a prefix length, such as `10.0.0.0/8`. Bits of the address behind the prefix are
 * ignored, as in Traefik. An IPv6 range within `::ffff:0:0/96` is converted to the IPv4 range that it stands for.
 *
 * @throws Error that says what is wrong and what was expected
 */
export function parseRange(text: string): AddressRange {
  const slash = text.indexOf('/')
  const host = slash < 0 ? text : text.slice(0, slash)
  const address = readAddress(host)
  if (address === undefined) throw new Error(`${quote(text)} is not an address range: ${whyNoAddress(host)}`)
  if (slash < 0) return { first: address, last: address }

  const lengthText = text.slice(slash + 1)
  const written = host.includes(':') ? 128 : 32
  const length = /^(0|[1-9]\d{0,2})$/.test(lengthText) ? Number(lengthText) : Number.NaN
  if (!(length <= written)) {
    throw new Error(
      `${quote(text)} is not an address range: expected a prefix length from 0 to ${written} after the "/", found ${quote(lengthText)}`,
    )
  }
  if (typeof address === 'number' && written === 32) return rangeOfFour(address, length)
  const isMapped = typeof address === 'number'
  // A prefix length below 96 cuts off the IPv4 address inside the IPv6 address: `::ffff:10.0.0.0/8` would mean `::/8`. So it is
  // refused.
  if (length < 96 && (isMapped || host.includes('.'))) throw new Error(whyTooShort(text, host, length))
  return isMapped ? rangeOfFour(address, length - 96) : rangeOfSix(address, length)
}

/**
 * Returns the message for an IPv6 prefix length that is too short for the IPv4 address in the range. A length of 32 or less was
 * probably meant for IPv4. The message then suggests two correct ways to write that range.
 */
function whyTooShort(text: string, host: string, length: number): string {
  const four = readAddress(host)
  const meant =
    typeof four === 'number' && length <= 32
      ? `; write ${quote(`${formatAddress(four)}/${length}`)} or ${quote(`${host}/${length + 96}`)}`
      : ''
  return `${quote(text)} is not an address range: a prefix length below 96 cuts off the IPv4 address; expected a length from 96 to 128${meant}`
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

/** Returns the reason why a text is not an address, for an error message. */
export function whyNoAddress(host: string): string {
  if (host === '') return 'the address is missing'
  if (host.includes('%')) return 'an address with a zone means nothing on another machine'
  if (/^[\d.]+$/.test(host)) {
    const parts = host.split('.')
    if (parts.length !== 4) return `expected four numbers with dots between them, found ${parts.length}`
    const zero = parts.find((part) => /^0\d/.test(part))
    if (zero !== undefined)
      return `${quote(zero)} has a leading zero, which some programs read as octal and others as decimal`
    return 'each of the four numbers must be 0 to 255'
  }
  return `expected an IPv4 or IPv6 address, found ${quote(host)}`
}

/** Formats a range for people: as one address, as an address with a prefix length, or as two addresses. */
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
