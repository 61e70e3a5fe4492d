import { isLoopback } from './status-guard.js'

/** A group of pages of the status server that an entry point can answer: `ping`, `api` or `metrics`. */
export type StatusPages = 'ping' | 'api' | 'metrics'

/**
 * The paths of each group. They are those of `STATUS_ROUTES`, except `/`, which belongs to the frontends, and `/ready`. Traefik
 * 1.7 has the same groups.
 */
const PATHS: Readonly<Record<StatusPages, RegExp>> = {
  ping: /^\/ping$/,
  metrics: /^\/metrics$/,
  api: /^\/(?:health|dashboard|dashboard\/[\w.-]*|api(?:\/|\/providers(?:\/.*)?|\/(?:config|history|traffic|frontends|backends|explain|events))?)$/,
}

/** The names of all groups. */
export const STATUS_PAGES = Object.keys(PATHS) as readonly StatusPages[]

/** Returns whether a path belongs to one of some groups of pages. @param path the path of the URL without the query */
export function isStatusPage(path: string, groups: readonly StatusPages[]): boolean {
  return groups.some((group) => PATHS[group].test(path))
}

/**
 * Returns why a group of pages must not stand on an entry point without a token, or undefined if it may. Every client of the
 * entry point would see what the pages show. `/ping` shows nothing, so it needs no token.
 *
 * @param entryPoint.host the address that the entry point listens on; undefined for all addresses or an unknown one
 * @param entryPoint.trustsProxies whether a proxy in front sends clients of other machines to the entry point
 */
export function whyTokenIsNeeded(
  group: StatusPages,
  entryPoint: { readonly host: string | undefined; readonly trustsProxies: boolean },
): string | undefined {
  if (group === 'ping') return undefined
  if (entryPoint.host === undefined || !isLoopback(entryPoint.host))
    return 'the entry point is not bound to a loopback address'
  return entryPoint.trustsProxies
    ? 'the entry point trusts proxies, which bring clients from elsewhere'
    : undefined
}
