import { pathOf } from '../base/messages.js'
import { parseTrustedProxy } from '../engine/headers/peer-trust.js'
import { asError } from '../model/errors.js'
import type { ProxyOptions } from '../proxy/proxy-options.js'
import type { Settings } from './settings.js'

/** Options of `createProxy` that say whose forwarding headers are believed. */
export type EntryPointTrusts = Pick<ProxyOptions, 'trustedProxies' | 'entryPoints'>

/** Everybody, in both families: Traefik's `insecure`. */
const ANYONE = ['0.0.0.0/0', '::/0']

/** What one entry point says; nothing if it does not speak of it. */
interface Said {
  readonly name: string
  readonly trusted: readonly string[] | undefined
}

/**
 * Whom each entry point trusts: what its `forwardedHeaders` say, else the key `trustedProxies`. Where all say the same, it is
 * the trust of the whole proxy, and so of listeners that the host opens beside them.
 *
 * @param names of the entry points for requests
 */
export function trustsOf(names: readonly string[], settings: Settings): EntryPointTrusts {
  const whole = settings.get<readonly string[]>('trustedProxies')
  checkRanges(whole, 'trustedProxies', settings)
  const all = names.map((name) => saidBy(name, settings))
  const own = all.flatMap(({ name, trusted }) => (trusted ? { name, trusted } : []))
  const [first] = own
  if (!first) return whole ? { trustedProxies: whole } : {}
  if (!whole && own.length === all.length && own.every(({ trusted }) => isSame(trusted, first.trusted)))
    return first.trusted.length > 0 ? { trustedProxies: first.trusted } : {}
  // All of them: a listener whose name is not among them, but near to one, is refused.
  const entryPoints = Object.fromEntries(
    all.map(({ name, trusted }) => [name, trusted ? { trustedProxies: trusted } : {}]),
  )
  return { ...(whole && { trustedProxies: whole }), entryPoints }
}

function saidBy(name: string, settings: Settings): Said {
  const path = `${pathOf('entryPoints', name)}.forwardedHeaders`
  const trusted = settings.get<readonly string[]>(`${path}.trustedIPs`)
  checkRanges(trusted, `${path}.trustedIPs`, settings)
  const isInsecure = settings.get<boolean>(`${path}.insecure`)
  // Who says that nobody is trusted has said something.
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
