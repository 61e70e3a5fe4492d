/**
 * Matches a valid value of the `Host` header: an empty one, or a host name or IP address, with or without a port. A port without
 * a host name is invalid (RFC 9110, 4.2.1).
 */
export const VALID_AUTHORITY = /^(([A-Za-z0-9._~!$&'()*+;=-]+|\[[0-9A-Fa-f:.]+\])(:\d{0,5})?)?$/

/**
 * Returns the host name of an authority (`host:port`) in canonical form: in lower case, without the port, without a trailing dot.
 * An IPv6 address keeps its brackets.
 */
export function hostOf(authority: string): string {
  const lower = authority.toLowerCase()
  const bracket = lower.indexOf(']')
  if (bracket >= 0) return canonicalSix(lower.slice(0, bracket + 1))
  const colon = lower.indexOf(':')
  const host = colon < 0 ? lower : lower.slice(0, colon)
  return host.endsWith('.') ? host.slice(0, -1) : host
}

/** Returns the canonical form of an IPv6 address in brackets, because `[0:0::1]` and `[::1]` are the same address. */
function canonicalSix(host: string): string {
  return URL.canParse(`http://${host}`) ? new URL(`http://${host}`).hostname : host
}
