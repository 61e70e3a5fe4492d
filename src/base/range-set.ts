import { type Address, type AddressKey, type AddressRange, keyOf, readClientAddress } from './cidr.js'

/**
 * Compiles ranges to a function that tests whether an address is in one of them. The ranges are sorted and merged, so each test
 * is one binary search.
 */
export function compileRanges(ranges: readonly AddressRange[]): (address: Address) => boolean {
  const contains = compileKeys(ranges)
  return (address) => contains(keyOf(address))
}

/**
 * Compiles ranges to a function that tests whether an address, given as text, is in one of them. It returns false for a text that
 * is not an address.
 */
export function compileWithin(ranges: readonly AddressRange[]): (address: string) => boolean {
  const isWithin = compileWhetherWithin(ranges)
  return (text) => isWithin(text) === true
}

/**
 * Compiles ranges to a function that tests whether an address, given as text, is in one of them. It returns undefined for a text
 * that is not an address.
 */
export function compileWhetherWithin(
  ranges: readonly AddressRange[],
): (address: string) => boolean | undefined {
  const contains = compileKeys(ranges)
  return (text) => {
    const key = readClientAddress(text)
    return key && contains(key)
  }
}

function compileKeys(ranges: readonly AddressRange[]): (key: AddressKey) => boolean {
  const four = new KeyRanges(joinRanges(ranges.filter(({ first }) => typeof first === 'number')))
  const six = new KeyRanges(joinRanges(ranges.filter(({ first }) => typeof first === 'bigint')))
  return (key) => (key.family === 4 ? four.contains(key) : six.contains(key))
}

/**
 * Sorted address ranges of one family, stored in flat arrays of numbers. The numbers lie close together in memory, which makes a
 * binary search fast.
 */
class KeyRanges {
  readonly #count: number
  readonly #firsts: Float64Array
  readonly #lasts: Float64Array

  constructor(joined: readonly AddressRange[]) {
    this.#count = joined.length
    this.#firsts = Float64Array.from(joined.flatMap(({ first }) => numbersOf(first)))
    this.#lasts = Float64Array.from(joined.flatMap(({ last }) => numbersOf(last)))
  }

  contains(key: AddressKey): boolean {
    let low = 0
    let high = this.#count
    while (low < high) {
      const middle = (low + high) >>> 1
      if (isAtMost(this.#firsts, middle, key)) low = middle + 1
      else high = middle
    }
    return low > 0 && isAtLeast(this.#lasts, low - 1, key)
  }
}

function numbersOf(address: Address): [number, number, number] {
  const { high, middle, low } = keyOf(address)
  return [high, middle, low]
}

function isAtMost(keys: Float64Array, index: number, key: AddressKey): boolean {
  const at = index * 3
  const high = keys[at] as number
  if (high !== key.high) return high < key.high
  const middle = keys[at + 1] as number
  return middle === key.middle ? (keys[at + 2] as number) <= key.low : middle < key.middle
}

function isAtLeast(keys: Float64Array, index: number, key: AddressKey): boolean {
  const at = index * 3
  const high = keys[at] as number
  if (high !== key.high) return high > key.high
  const middle = keys[at + 1] as number
  return middle === key.middle ? (keys[at + 2] as number) >= key.low : middle > key.middle
}

/** Returns whether the ranges in `wide` together contain every address of the ranges in `narrow`. */
export function rangesCover(wide: readonly AddressRange[], narrow: readonly AddressRange[]): boolean {
  const covers = ({ first, last }: AddressRange) => {
    const range = rangeOf(joinRanges(wide.filter((each) => typeof each.first === typeof first)), first)
    return range !== undefined && last <= range.last
  }
  return narrow.every(covers)
}

/** Returns the first overlap of two lists of ranges, or undefined if they have no address in common. */
export function sharedRange(
  one: readonly AddressRange[],
  other: readonly AddressRange[],
): AddressRange | undefined {
  for (const a of one) {
    for (const b of other) {
      if (typeof a.first !== typeof b.first || a.first > b.last || b.first > a.last) continue
      return { first: a.first > b.first ? a.first : b.first, last: a.last < b.last ? a.last : b.last }
    }
  }
  return undefined
}

/** Sorts ranges and merges those that overlap. */
function joinRanges(ranges: readonly AddressRange[]): readonly AddressRange[] {
  const sorted = ranges.toSorted((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0))
  const joined: AddressRange[] = []
  for (const range of sorted) {
    const before = joined.at(-1)
    if (before === undefined || range.first > before.last) joined.push(range)
    else if (range.last > before.last) joined[joined.length - 1] = { first: before.first, last: range.last }
  }
  return joined
}

/** Returns the range that contains an address, by binary search, or undefined if no range contains it. */
function rangeOf(joined: readonly AddressRange[], address: Address): AddressRange | undefined {
  let low = 0
  let high = joined.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((joined[middle] as AddressRange).first <= address) low = middle + 1
    else high = middle
  }
  const range = joined[low - 1]
  return range !== undefined && address <= range.last ? range : undefined
}
