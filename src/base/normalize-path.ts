/**
 * Returns a path in its one normal form (RFC 3986, 6.2.2.2 and 6.2.2.3). It resolves dot segments and decodes encoded unreserved
 * characters. It keeps everything else byte for byte, `%2F`, `//` and `;` too. Rules test this form and servers get it. So no
 * spelling of a path reaches a server by another rule than the one written for that path.
 *
 * @param path begins with `/` and has no query
 */
export function normalizePath(path: string): string {
  // Nearly every path is in normal form already. It has no escape to decode and no segment that begins with a dot.
  if (!path.includes('%') && !path.includes('/.')) return path
  const decoded = decodeUnreserved(path)
  return decoded.includes('/.') ? removeDotSegments(decoded) : decoded
}

/** Decodes the characters that need no escape, such as letters and digits. Escapes that stay get digits in upper case. */
export function decodeUnreserved(text: string): string {
  return text.replace(ENCODED, (encoded) => {
    const character = String.fromCharCode(Number.parseInt(encoded.slice(1), 16))
    // An escape must have one spelling, because the case of its digits means nothing (RFC 3986, 6.2.2.1).
    return UNRESERVED.test(character) ? character : encoded.toUpperCase()
  })
}

// An escape behind a stray `%` is left alone. Decoding it would make a new escape: `%2%65` would become `%2e`.
const ENCODED = /(?<!%[0-9A-Fa-f]?)%[0-9A-Fa-f]{2}/g
const UNRESERVED = /[A-Za-z0-9\-._~]/

/** Removes dot segments (RFC 3986, 5.2.4). An empty segment is a segment, so `//` stays. */
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
