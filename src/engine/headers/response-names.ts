import { HOP_BY_HOP } from './proxy-fields.js'

/** The name of a response field. */
export interface ResponseName {
  /** The name as the server wrote it. */
  readonly text: string
  /** The name in lower case. */
  readonly lower: string
  /** Whether the field concerns only the connection to the server (RFC 9110, 7.6.1). */
  readonly isHopByHop: boolean
}

interface KeptName extends ResponseName {
  readonly bytes: Uint8Array
}

/** Maximum number of bytes in a name that is kept. Longer names are rare, and a server could fill the table with them. */
const MAX_KEPT = 64
/** Slots of the table, a power of two. Servers write a few dozen names, and the same names in every response. */
const SLOTS = 256
/** Names that were read before. A few bytes of a name select its slot, where a newer name replaces an older one. */
const kept: (KeptName | undefined)[] = new Array(SLOTS).fill(undefined)

/**
 * Reads a name, from the table if it is there. Comparing bytes takes a fifth
 * of the time of decoding a name, putting it in lower case and looking it up.
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
