/**
 * Matches a valid `Host` field: an empty one, or a host with or without a port. A port without a host is invalid (RFC 9110,
 * 4.2.1).
 */
export const VALID_AUTHORITY = /^(([A-Za-z0-9._~!$&'()*+;=-]+|\[[0-9A-Fa-f:.]+\])(:\d{0,5})?)?$/

/** Returns a host in its one normal form: lower case, without a port and a trailing dot. An IPv6 address keeps its brackets. */
export function hostOf(authority: string): string {
  const lower = authority.toLowerCase()
  const bracket = lower.indexOf(']')
  if (bracket >= 0) return canonicalSix(lower.slice(0, bracket + 1))
  const colon = lower.indexOf(':')
  const host = colon < 0 ? lower : lower.slice(0, colon)
  return host.endsWith('.') ? host.slice(0, -1) : host
}

/** Returns the one spelling of an IPv6 host, because `[0:0::1]` and `[::1]` are the same host. */
function canonicalSix(host: string): string {
  return URL.canParse(`http://${host}`) ? new URL(`http://${host}`).hostname : host
}
