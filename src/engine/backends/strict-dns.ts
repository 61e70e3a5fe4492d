import { isIP } from 'node:net'
import { MAX_TIMER_MS } from '../../base/known-options.js'
import { parseDuration } from '../../base/parse-duration.js'
import { jittered } from '../../base/timing.js'
import type { Backend } from '../../model/config.js'

const DEFAULT_INTERVAL_MS = 30_000

/** The share by which the time between two lookups varies at random. Otherwise many host names could be looked up at once. */
const JITTER = 0.1

interface FollowedName {
  readonly intervalMs: number
  /**
   * The sorted IP addresses of the host name. The array is replaced only if they change. Undefined until the first successful
   * lookup.
   */
  addresses: readonly string[] | undefined
  timer?: NodeJS.Timeout
  isFailing?: boolean
}

/**
 * Looks up the host names of servers on a timer, so that each IP address becomes a server of its own. While the lookup of a host
 * name fails, the addresses found last stay in use. Source: Envoy's strict DNS.
 */
export class StrictDns {
  readonly #lookup: (hostname: string) => Promise<readonly string[]>
  readonly #onChange: () => void
  readonly #names = new Map<string, FollowedName>()

  /**
   * Creates the object, which looks up no host name until `follow` is called.
   *
   * @param lookup looks up a host name. Resolves to one or more sorted IP addresses, or rejects.
   * @param onChange called when the addresses of a host name have changed
   */
  constructor(lookup: (hostname: string) => Promise<readonly string[]>, onChange: () => void) {
    this.#lookup = lookup
    this.#onChange = onChange
  }

  /**
   * Returns the IP addresses of a URL's host name. Undefined before the first successful lookup, and for a URL with an IP
   * address.
   */
  addressesOf(url: string): readonly string[] | undefined {
    return this.#names.get(hostnameOf(url))?.addresses
  }

  /**
   * Looks up the given host names on a timer, and no longer looks up any others.
   *
   * @param wanted the host names, each with the milliseconds between two lookups
   */
  follow(wanted: ReadonlyMap<string, number>): void {
    for (const [hostname, { timer }] of this.#names) {
      if (wanted.has(hostname)) continue
      clearTimeout(timer)
      this.#names.delete(hostname)
    }
    for (const [hostname, intervalMs] of wanted) {
      const before = this.#names.get(hostname)
      if (before?.intervalMs === intervalMs) continue
      clearTimeout(before?.timer)
      const followed = { intervalMs, addresses: before?.addresses }
      this.#names.set(hostname, followed)
      void this.#look(hostname, followed)
    }
  }

  /** Looks up a host name, and sets the timer for the next lookup. Never rejects. */
  async #look(hostname: string, followed: FollowedName): Promise<void> {
    const found = await this.#lookup(hostname).catch((error: unknown) => ({ error }))
    if (this.#names.get(hostname) !== followed) return
    const restMs = jittered(followed.intervalMs, JITTER)
    const again = () => void this.#look(hostname, followed)
    followed.timer = setTimeout(again, Math.min(restMs, MAX_TIMER_MS)).unref()
    if ('error' in found) return tellOnce(hostname, found.error, followed)
    followed.isFailing = false
    if (found.join() === followed.addresses?.join()) return
    followed.addresses = found
    this.#onChange()
  }
}

/**
 * Returns the host names to look up on a timer: those in the server URLs of all backends with `strictDns`. Each host name comes
 * with the shortest interval, in milliseconds, that a backend sets for it.
 */
export function followedNames(backends: Iterable<Backend>): ReadonlyMap<string, number> {
  const names = new Map<string, number>()
  for (const { servers, strictDns } of backends) {
    if (!strictDns) continue
    const intervalMs = parseDuration(strictDns.interval) ?? DEFAULT_INTERVAL_MS
    for (const { url } of Object.values(servers)) {
      const hostname = hostnameOf(url)
      if (isIP(hostname.replace(/^\[|\]$/g, '')) > 0) continue
      names.set(hostname, Math.min(intervalMs, names.get(hostname) ?? intervalMs))
    }
  }
  return names
}

/** Returns the host name of a server's URL. Validation of the document has checked the URL. */
function hostnameOf(url: string): string {
  return new URL(url).hostname
}

/**
 * Emits a warning at the first of several consecutive failed lookups of a host name.
 *
 * @param error what the lookup function of the embedding application threw, which may be any value
 */
function tellOnce(hostname: string, error: unknown, followed: FollowedName): void {
  if (followed.isFailing) return
  followed.isFailing = true
  const { addresses } = followed
  const message =
    error instanceof Error ? error.message : String((error as Partial<Error> | null)?.message ?? error)
  const rest = addresses ? `; ${addresses.join(', ')} stay in use` : ''
  process.emitWarning(`${hostname} cannot be looked up: ${message}${rest}`, 'SwitchoverWarning')
}
