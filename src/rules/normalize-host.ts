/** The one normal form of a host: lower case, without port and trailing dot. IPv6 keeps its brackets. */
export function hostOf(authority: string): string {
  const lower = authority.toLowerCase()
  const bracket = lower.indexOf(']')
  const colon = lower.indexOf(':', bracket + 1)
  const host = colon < 0 ? lower : lower.slice(0, colon)
  return host.endsWith('.') ? host.slice(0, -1) : host
}
