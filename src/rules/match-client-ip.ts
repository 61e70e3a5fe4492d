import { parseRange } from '../base/cidr.js'
import { compileWhetherWithin } from '../base/range-set.js'
import { Recent } from '../base/recent.js'
import { type CompiledMatcher, eachValue } from './compiled-matcher.js'

/**
 * A cache of compiled sets of address ranges. Thousands of frontends name the same few ranges, so each set is compiled once and
 * kept in memory once. Separate sets would take two fifths of a frontend's memory. They would also slow down V8's garbage
 * collection of young objects, which scans every memory page that old objects are on.
 */
const recent = new Recent<CompiledMatcher>(1_000, 100_000)
const MAX_KEPT_LENGTH = 1_000

/**
 * Matches the client address against addresses and ranges. If the client has no address, the answer is unknown, so neither the
 * rule nor its negation holds. Otherwise a rule that keeps a range of addresses out would let such a client in. Source: Traefik 3
 * `ClientIP`, which uses only the peer address. Traefik 1.7 does not have this matcher.
 */
export function matchClientIp(values: readonly string[]): CompiledMatcher {
  // The key in the cache is JSON text, which keeps the values apart. If the values were joined with commas, one value could look
  // like two.
  const text = JSON.stringify(values)
  return text.length > MAX_KEPT_LENGTH ? compileAnew(values) : recent.get(text, () => compileAnew(values))
}

function compileAnew(values: readonly string[]): CompiledMatcher {
  const ranges = eachValue(values, parseRange, 'INVALID_RANGE')
  const isWithin = compileWhetherWithin(ranges)
  return { test: ({ clientAddress }) => isWithin(clientAddress), ranges }
}
