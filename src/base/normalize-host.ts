/** What a `Host` field may hold: nothing, or a host with or without a port; a port alone is none (RFC 9110, 4.2.1). */
export const VALID_AUTHORITY = /^(([A-Za-z0-9._~!$&'()*+;=-]+|\[[0-9A-Fa-f:.]+\])(:\d{0,5})?)?$/

/** The one normal form of a host: lower case, without port and trailing dot. IPv6 keeps its brackets. */
export function hostOf(authority: string): string {
  const lower = authority.toLowerCase()
  const bracket = lower.indexOf(']')
  if (bracket >= 0) return canonicalSix(lower.slice(0, bracket + 1))
  const colon = lower.indexOf(':')
  const host = colon < 0 ? lower : lower.slice(0, colon)
  return host.endsWith('.') ? host.slice(0, -1) : host
}

/** One spelling of many: `[0:0::1]` and `[::1]` are one host. */
function canonicalSix(host: string): string {
  return URL.canParse(`http://${host}`) ? new URL(`http://${host}`).hostname : host
}
