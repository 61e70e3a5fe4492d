/**
 * Returns a URL path in its canonical form (RFC 3986, 6.2.2.2 and 6.2.2.3). Dot segments are resolved, and encoded unreserved
 * characters are decoded. Everything else stays byte for byte, including `%2F`, `//` and `;`. Rules test the canonical path, and
 * servers receive it. So a client cannot get around a rule by writing the path in another way.
 *
 * @param path begins with `/` and has no query
 */
export function normalizePath(path: string): string {
  // If the path has no `%` and no segment that begins with a dot, it is in canonical form already. This is true of nearly every
  // path.
  if (!path.includes('%') && !path.includes('/.')) return path
  const decoded = decodeUnreserved(path)
  return decoded.includes('/.') ? removeDotSegments(decoded) : decoded
}

/**
 * Decodes percent-encoded characters that need no encoding, such as letters and digits. The hex digits of all other encoded
 * characters become upper case.
 */
export function decodeUnreserved(text: string): string {
  return text.replace(ENCODED, (encoded) => {
    const character = String.fromCharCode(Number.parseInt(encoded.slice(1), 16))
    // An encoded character that is not decoded gets hex digits in upper case, because `%2f` and `%2F` mean the same (RFC 3986,
    // 6.2.2.1).
    return UNRESERVED.test(character) ? character : encoded.toUpperCase()
  })
}

// Matches a percent-encoded character, but not directly after a stray `%`. Decoding it there would create another encoded
// character: `%2%65` would become `%2e`.
const ENCODED = /(?<!%[0-9A-Fa-f]?)%[0-9A-Fa-f]{2}/g
const UNRESERVED = /[A-Za-z0-9\-._~]/

/** Removes the dot segments `.` and `..` (RFC 3986, 5.2.4). An empty segment counts as a segment, so `//` stays. */
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
