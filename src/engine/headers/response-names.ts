import { HOP_BY_HOP } from './proxy-fields.js'

/** The name of a response header. */
export interface ResponseName {
  /** The header name as the server wrote it. */
  readonly text: string
  /** The header name in lower case. */
  readonly lower: string
  /** Whether the header concerns only the connection to the server and is not passed on (hop-by-hop; RFC 9110, 7.6.1). */
  readonly isHopByHop: boolean
}

interface KeptName extends ResponseName {
  readonly bytes: Uint8Array
}

/**
 * Maximum number of bytes in a header name that is cached. Longer names are rare, and a server could fill the cache with them.
 */
const MAX_KEPT = 64
/** Number of slots in the cache of header names, a power of two. Servers write a few dozen names, the same in every response. */
const SLOTS = 256
/** Header names that were read before. A few bytes of a name select its slot. In a slot, a newer name replaces an older one. */
const kept: (KeptName | undefined)[] = new Array(SLOTS).fill(undefined)

/**
 * Returns a header name from its bytes, out of the cache if it is in there. Comparing bytes
 * takes a fifth of the time of decoding a name, putting it in lower case and looking it up.
 */
export function responseName(bytes: Buffer | string): ResponseName {
  if (typeof bytes === 'string') return named(bytes)
  const { length } = bytes
  if (length === 0 || length > MAX_KEPT) return named(bytes.toString('latin1'))
  const slot = slotOf(bytes, length)
  const known = kept[slot]
  if (known !== undefined && isSame(known.bytes, bytes, length)) return known
  const read = { ...named(bytes.toString('latin1')), bytes: new Uint8Array(bytes) }
  kept[slot] = read
  return read
}

function named(text: string): ResponseName {
  const lower = text.toLowerCase()
  return { text, lower, isHopByHop: HOP_BY_HOP.has(lower) }
}

function slotOf(bytes: Uint8Array, length: number): number {
  const first = bytes[0] as number
  const middle = bytes[length >> 1] as number
  const last = bytes[length - 1] as number
  return (length * 31 + first * 7 + middle * 5 + last * 3) & (SLOTS - 1)
}

function isSame(one: Uint8Array, other: Uint8Array, length: number): boolean {
  if (one.length !== length) return false
  for (let at = 0; at < length; at += 1) if (one[at] !== other[at]) return false
  return true
}
