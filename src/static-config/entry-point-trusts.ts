import { pathOf } from '../base/messages.js'
import { parseTrustedProxy } from '../engine/headers/peer-trust.js'
import { asError } from '../model/errors.js'
import type { Settings } from './settings.js'

/** The trusted proxies of a static configuration: the peers that may send headers such as `X-Forwarded-For`. */
export interface EntryPointTrusts {
  /** The trusted proxies of listeners that the embedding application opens itself. Undefined for none. */
  readonly whole: readonly string[] | undefined
  /** The trusted proxies of each entry point, by its name. */
  readonly own: ReadonlyMap<string, readonly string[]>
}

/** The ranges of all IPv4 and IPv6 addresses. Traefik's option `insecure` trusts them all. */
const ANYONE = ['0.0.0.0/0', '::/0']

/**
 * Returns the trusted proxies of each entry point. They come from the entry point's table `forwardedHeaders`, or else from the
 * key `trustedProxies`. An entry point without either trusts no proxy.
 *
 * If all entry points trust the same ranges, listeners that the embedding application opens trust them too.
 *
 * @param names the names of the entry points that serve requests
 */
export function trustsOf(names: readonly string[], settings: Settings): EntryPointTrusts {
  const whole = settings.get<readonly string[]>('trustedProxies')
  checkRanges(whole, 'trustedProxies', settings)
  const given = names.map((name) => ownTrustOf(name, settings))
  const own = new Map(names.map((name, place) => [name, given[place] ?? whole ?? []]))
  const [first] = given
  const isShared = first !== undefined && given.every((trusted) => trusted && isSame(trusted, first))
  return { whole: whole ?? (isShared && first.length > 0 ? first : undefined), own }
}

/** Returns the proxies that the table `forwardedHeaders` of an entry point trusts. Undefined without such a table. */
function ownTrustOf(name: string, settings: Settings): readonly string[] | undefined {
  const path = `${pathOf('entryPoints', name)}.forwardedHeaders`
  const trusted = settings.get<readonly string[]>(`${path}.trustedIPs`)
  checkRanges(trusted, `${path}.trustedIPs`, settings)
  const isInsecure = settings.get<boolean>(`${path}.insecure`)
  // If `insecure` is false and `trustedIPs` is absent, the entry point trusts no proxy. The result is then an empty list.
  // Undefined would mean that the setting of the whole proxy applies.
  return isInsecure ? ANYONE : (trusted ?? (isInsecure === false ? [] : undefined))
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one.toSorted().join() === other.toSorted().join()
}

function checkRanges(ranges: readonly string[] | undefined, path: string, settings: Settings): void {
  for (const range of ranges ?? []) {
    try {
      parseTrustedProxy(range)
    } catch (thrown) {
      settings.issue(path, 'INVALID_RANGE', asError(thrown).message)
    }
  }
}
