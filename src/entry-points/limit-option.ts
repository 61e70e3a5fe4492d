import { positiveOption } from '../base/known-options.js'
import { describeValue } from '../base/messages.js'
import { ProxyError } from '../model/errors.js'

/** The names of the limits that must be whole numbers, because they count connections or requests. */
const COUNTS: readonly string[] = ['connectionsPerAddress', 'requestsInFlight', 'pipelined']

/**
 * Throws unless a limit is a number above 0 or `Infinity`. A limit in `COUNTS` must be a whole number.
 *
 * @param path the place of the limit in the options, such as `limits.headBytes`
 * @param name the name of the limit, such as `headBytes`; none for a time limit
 * @throws ProxyError `PROXY_OPTION_INVALID` that names the place, and what was found
 */
export function limitOption(value: unknown, path: string, name = ''): void {
  if (value === Number.POSITIVE_INFINITY) return
  const isPart = COUNTS.includes(name) && value !== undefined && !Number.isSafeInteger(value)
  if (!isPart) return positiveOption(value, path)
  const found = typeof value === 'number' ? value : describeValue(value)
  throw new ProxyError(
    'PROXY_OPTION_INVALID',
    `${path}: expected a whole number of 1 or more, or Infinity, found ${found}`,
  )
}
