import { pathOf } from '../base/messages.js'
import { parseTrustedProxy } from '../engine/headers/peer-trust.js'
import { asError } from '../model/errors.js'
import type { ProxyOptions } from '../proxy/proxy-options.js'
import type { Settings } from './settings.js'

/** The options of `createProxy` that list the trusted proxies: the peers that may send headers such as `X-Forwarded-For`. */
export type EntryPointTrusts = Pick<ProxyOptions, 'trustedProxies' | 'entryPoints'>

/** The ranges of all IPv4 and IPv6 addresses. Traefik's option `insecure` trusts them all. */
const ANYONE = ['0.0.0.0/0', '::/0']

/** An entry point, and the proxies that its own table `forwardedHeaders` trusts. Without that table, `trusted` is undefined. */
interface OwnTrust {
  readonly name: string
  readonly trusted: readonly string[] | undefined
}

/**
 * Returns the trusted proxies of each entry point. They come from the entry point's table `forwardedHeaders`, or else from the
 * key `trustedProxies`.
 *
 * If all entry points trust the same ranges, these become the option `trustedProxies` of the whole proxy. Listeners that the
 * embedding application opens then trust these ranges too.
 *
 * @param names the names of the entry points that serve requests
 */
export function trustsOf(names: readonly string[], settings: Settings): EntryPointTrusts {
  const whole = settings.get<readonly string[]>('trustedProxies')
  checkRanges(whole, 'trustedProxies', settings)
  const all = names.map((name) => ownTrustOf(name, settings))
  const own = all.flatMap(({ name, trusted }) => (trusted ? { name, trusted } : []))
  const [first] = own
  if (!first) return whole ? { trustedProxies: whole } : {}
  if (!whole && own.length === all.length && own.every(({ trusted }) => isSame(trusted, first.trusted)))
    return first.trusted.length > 0 ? { trustedProxies: first.trusted } : {}
  // Lists every entry point, even if it has no ranges of its own. `proxy.listen` refuses an entry point that is not in this list
  // but is spelled almost like one that is.
  const entryPoints = Object.fromEntries(
    all.map(({ name, trusted }) => [name, trusted ? { trustedProxies: trusted } : {}]),
  )
  return { ...(whole && { trustedProxies: whole }), entryPoints }
}

function ownTrustOf(name: string, settings: Settings): OwnTrust {
  const path = `${pathOf('entryPoints', name)}.forwardedHeaders`
  const trusted = settings.get<readonly string[]>(`${path}.trustedIPs`)
  checkRanges(trusted, `${path}.trustedIPs`, settings)
  const isInsecure = settings.get<boolean>(`${path}.insecure`)
  // If `insecure` is false and `trustedIPs` is absent, the entry point trusts no proxy. The result is then an empty list.
  // Undefined would mean that the setting of the whole proxy applies.
  return { name, trusted: isInsecure ? ANYONE : (trusted ?? (isInsecure === false ? [] : undefined)) }
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
