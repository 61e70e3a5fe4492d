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
  /** In order; the same list for as long as nothing changed. Undefined until the first answer. */
  addresses: readonly string[] | undefined
  timer?: NodeJS.Timeout
  isFailing?: boolean
}

/**
 * Looks names of servers up on a timer: each address is a server of its own. What was found last serves on while a name cannot be
 * looked up. Source: Envoy's strict DNS.
 */
export class StrictDns {
  readonly #lookup: (hostname: string) => Promise<readonly string[]>
  readonly #onChange: () => void
  readonly #names = new Map<string, FollowedName>()

  /**
   * @param lookup rejects, or resolves to one address or more, in order
   * @param onChange a name has other addresses from now on
   */
  constructor(lookup: (hostname: string) => Promise<readonly string[]>, onChange: () => void) {
    this.#lookup = lookup
    this.#onChange = onChange
  }

  /** What is known of a server's name. Undefined if nothing is yet, and if its host is an address. */
  addressesOf(url: string): readonly string[] | undefined {
    return this.#names.get(hostnameOf(url))?.addresses
  }

  /** Follows these names and no others. @param wanted names with the milliseconds between lookups */
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

  /** Never rejects. */
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

/** The names of backends that want it, each with the shortest interval that one of them wants. */
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

/** The URL was checked with the document. */
function hostnameOf(url: string): string {
  return new URL(url).hostname
}

/** @param error whatever the lookup of a host failed with */
function tellOnce(hostname: string, error: unknown, followed: FollowedName): void {
  if (followed.isFailing) return
  followed.isFailing = true
  const { addresses } = followed
  const message =
    error instanceof Error ? error.message : String((error as Partial<Error> | null)?.message ?? error)
  const rest = addresses ? `; ${addresses.join(', ')} serve on` : ''
  process.emitWarning(`${hostname} cannot be looked up: ${message}${rest}`, 'SwitchoverWarning')
}
