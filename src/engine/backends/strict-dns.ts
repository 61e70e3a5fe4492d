import { isIP } from 'node:net'
import { MAX_TIMER_MS } from '../../base/known-options.js'
import { parseDuration } from '../../base/parse-duration.js'
import { jittered } from '../../base/timing.js'
import type { Backend } from '../../model/config.js'

const DEFAULT_INTERVAL_MS = 30_000

/** From one lookup to the next a tenth more or less, so that many names are not asked for at once. */
const JITTER = 0.1

interface FollowedName {
  readonly intervalMs: number
  /** The sorted addresses. The array is replaced only if they change. Undefined until the first answer. */
  addresses: readonly string[] | undefined
  timer?: NodeJS.Timeout
  isFailing?: boolean
}

/**
 * Looks the host names of servers up on a timer, so that each address becomes a server of its own. While a lookup fails, the
 * addresses found last stay in use. Source: Envoy's strict DNS.
 */
export class StrictDns {
  readonly #lookup: (hostname: string) => Promise<readonly string[]>
  readonly #onChange: () => void
  readonly #names = new Map<string, FollowedName>()

  /**
   * @param lookup resolves to one sorted address or more, or rejects
   * @param onChange called when a name has got other addresses
   */
  constructor(lookup: (hostname: string) => Promise<readonly string[]>, onChange: () => void) {
    this.#lookup = lookup
    this.#onChange = onChange
  }

  /** Returns the addresses of a URL's host name. Undefined before the first answer, and for a URL with an address. */
  addressesOf(url: string): readonly string[] | undefined {
    return this.#names.get(hostnameOf(url))?.addresses
  }

  /** Follows these names and no others. @param wanted the names, each with the milliseconds between two lookups */
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

  /** Looks a name up and sets the timer for the next lookup. Never rejects. */
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

/** Returns the host names of all backends with `strictDns`, each with the shortest interval that a backend sets for it. */
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

/** Warns at the first of several consecutive failures. @param error may be anything that the host's lookup throws */
function tellOnce(hostname: string, error: unknown, followed: FollowedName): void {
  if (followed.isFailing) return
  followed.isFailing = true
  const { addresses } = followed
  const message =
    error instanceof Error ? error.message : String((error as Partial<Error> | null)?.message ?? error)
  const rest = addresses ? `; ${addresses.join(', ')} stay in use` : ''
  process.emitWarning(`${hostname} cannot be looked up: ${message}${rest}`, 'SwitchoverWarning')
}
