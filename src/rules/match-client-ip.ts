import { parseRange } from '../base/cidr.js'
import { compileWhetherWithin } from '../base/range-set.js'
import { Recent } from '../base/recent.js'
import { type CompiledMatcher, eachValue } from './compiled-matcher.js'

/**
 * Thousands of frontends name the same few ranges: each set is compiled once, and lies in memory once. Else it would be
 * two fifths of what a frontend takes, and the collector of young objects looks at every page of the old ones.
 */
const recent = new Recent<CompiledMatcher>(1_000, 100_000)
const MAX_KEPT_LENGTH = 1_000

/**
 * Addresses and ranges of the client address. Of a client without an address the answer is unknown: neither the rule holds
 * nor its contrary, else a rule that shuts a range out would let it in. Source: Traefik 3 `ClientIP`, which there is the peer's address alone; 1.7 has
 * no such matcher.
 */
export function matchClientIp(values: readonly string[]): CompiledMatcher {
  // No joined text: one value that looks like two is no range.
  const text = JSON.stringify(values)
  return text.length > MAX_KEPT_LENGTH ? compileAnew(values) : recent.get(text, () => compileAnew(values))
}

function compileAnew(values: readonly string[]): CompiledMatcher {
  const ranges = eachValue(values, parseRange, 'INVALID_RANGE')
  const isWithin = compileWhetherWithin(ranges)
  return { test: ({ clientAddress }) => isWithin(clientAddress), ranges }
}
