import { parseRange } from './cidr.js'
import { type CompiledMatcher, eachValue } from './compiled-matcher.js'
import { compileWithin } from './range-set.js'

/**
 * Addresses and ranges of the client address. Source: Traefik 3 `ClientIP`, which there is the peer's address alone; 1.7 has
 * no such matcher.
 */
export function matchClientIp(values: readonly string[]): CompiledMatcher {
  const ranges = eachValue(values, parseRange, 'INVALID_RANGE')
  const within = compileWithin(ranges)
  return { test: ({ clientAddress }) => within(clientAddress), ranges }
}
