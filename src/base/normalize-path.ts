/**
 * The one normal form of a path (RFC 3986, 6.2.2.2 and 6.2.2.3): dot segments resolved, encoded unreserved
 * characters decoded, all else kept byte for byte (`%2F`, `//`, `;`). Rules see it and servers get it, so that no
 * spelling of a path reaches a server by another rule than the one written for it.
 *
 * @param path begins with `/`, without query
 */
export function normalizePath(path: string): string {
  // Nearly every path is in normal form already: no escape to decode, no segment that begins with a dot.
  if (!path.includes('%') && !path.includes('/.')) return path
  const decoded = decodeUnreserved(path)
  return decoded.includes('/.') ? removeDotSegments(decoded) : decoded
}

/** Letters, digits and the like that need no escape, without it; the escapes that stay in capitals. */
export function decodeUnreserved(text: string): string {
  return text.replace(ENCODED, (encoded) => {
    const character = String.fromCharCode(Number.parseInt(encoded.slice(1), 16))
    // Of one escape there must be one spelling: the case of its digits means nothing (RFC 3986, 6.2.2.1).
    return UNRESERVED.test(character) ? character : encoded.toUpperCase()
  })
}

// Not behind a stray `%`: decoding there would make a new escape (`%2%65` would become `%2e`).
const ENCODED = /(?<!%[0-9A-Fa-f]?)%[0-9A-Fa-f]{2}/g
const UNRESERVED = /[A-Za-z0-9\-._~]/

/** RFC 3986, 5.2.4. Empty segments are segments: `//` stays. */
function removeDotSegments(path: string): string {
  const kept: string[] = []
  const segments = path.slice(1).split('/')
  for (const [index, segment] of segments.entries()) {
    const last = index === segments.length - 1
    if (segment === '..') kept.pop()
    else if (segment !== '.') kept.push(segment)
    if (last && (segment === '.' || segment === '..')) kept.push('')
  }
  return `/${kept.join('/')}`
}
