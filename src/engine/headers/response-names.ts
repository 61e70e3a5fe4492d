import { HOP_BY_HOP } from './proxy-fields.js'

/** The name of a field of a response. */
export interface ResponseName {
  /** As the server wrote it. */
  readonly text: string
  /** In lower case. */
  readonly lower: string
  /** Whether it means the connection to the server alone (RFC 9110, 7.6.1). */
  readonly isHopByHop: boolean
}

interface KeptName extends ResponseName {
  readonly bytes: Uint8Array
}

/** Longer names are rare, and would make the table a server's. */
const MAX_KEPT = 64
/** A power of two. Servers write a few dozen names, and the same ones in every response. */
const PLACES = 256
/** Each name has one place, by a few of its bytes. Of two that share one, the newer stays. */
const kept: (KeptName | undefined)[] = new Array(PLACES).fill(undefined)

/**
 * Reads a name. To compare the bytes of a name with those that were read before takes a fifth of the time of making a
 * string, putting it in lower case and looking it up.
 */
export function responseName(bytes: Buffer | string): ResponseName {
  if (typeof bytes === 'string') return named(bytes)
  const { length } = bytes
  if (length === 0 || length > MAX_KEPT) return named(bytes.toString('latin1'))
  const place = placeOf(bytes, length)
  const known = kept[place]
  if (known !== undefined && isSame(known.bytes, bytes, length)) return known
  const read = { ...named(bytes.toString('latin1')), bytes: new Uint8Array(bytes) }
  kept[place] = read
  return read
}

function named(text: string): ResponseName {
  const lower = text.toLowerCase()
  return { text, lower, isHopByHop: HOP_BY_HOP.has(lower) }
}

function placeOf(bytes: Uint8Array, length: number): number {
  const first = bytes[0] as number
  const middle = bytes[length >> 1] as number
  const last = bytes[length - 1] as number
  return (length * 31 + first * 7 + middle * 5 + last * 3) & (PLACES - 1)
}

function isSame(one: Uint8Array, other: Uint8Array, length: number): boolean {
  if (one.length !== length) return false
  for (let at = 0; at < length; at += 1) if (one[at] !== other[at]) return false
  return true
}
