import { pathOf } from '../base/messages.js'
import { parseTrustedProxy } from '../engine/headers/peer-trust.js'
import { asError } from '../model/errors.js'
import type { ProxyOptions } from '../proxy/proxy-options.js'
import type { Settings } from './settings.js'

/** Options of `createProxy` that say which peers may send forwarding headers, such as `X-Forwarded-For`. */
export type EntryPointTrusts = Pick<ProxyOptions, 'trustedProxies' | 'entryPoints'>

/** Every address of IPv4 and IPv6, for Traefik's option `insecure`. */
const ANYONE = ['0.0.0.0/0', '::/0']

/** The trusted proxies that one entry point names. `trusted` is undefined if the entry point has no `forwardedHeaders`. */
interface OwnTrust {
  readonly name: string
  readonly trusted: readonly string[] | undefined
}

/**
 * Returns the trusted proxies of each entry point: its `forwardedHeaders`, or else the key `trustedProxies`. If all entry
 * points name the same ranges, these become the option `trustedProxies` of the whole proxy. Listeners that the host's code
 * opens then trust them too.
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
  // List every entry point. `createProxy` refuses a listener whose name is missing here but similar to one of the names.
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
  // `insecure = false` without `trustedIPs` trusts no proxy. That is a setting too, so it must not be undefined.
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
