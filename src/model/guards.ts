/** Why a field is a guard: what would happen if a document were used without it. */
const LETS_IN = 'without it every client gets in'
const PLAIN = 'without it the proxy serves requests that it should redirect, perhaps in plain text'
const FLOODS = 'without it nothing limits what a client may ask of a server'
const FORGED = 'without it the client itself writes the header that names who asks'

/**
 * The guards: paths of fields that keep requests out or name the client, each with what happens without the field. `*` stands
 * for a name that the document chooses. If a guard is not built yet, `unsupportedFields` leaves it out only where it names the
 * path. A new guard needs a row here.
 */
export const GUARDS: Readonly<Record<string, string>> = {
  tls: 'without it the certificates, and what they require of clients, are missing',
  'frontends.*.auth': LETS_IN,
  'frontends.*.basicAuth': LETS_IN,
  'frontends.*.whiteList': LETS_IN,
  'frontends.*.whitelistSourceRange': LETS_IN,
  // A redirect may lead to TLS. Its form does not say for certain whether it does.
  'frontends.*.redirect': PLAIN,
  // This field holds `allowedHosts`, `sslRedirect` and the headers by which browsers protect a page.
  'frontends.*.headers': `${PLAIN}; its allowedHosts and security headers are missing too`,
  'frontends.*.ratelimit': FLOODS,
  // Traefik overwrites the headers of these names that a client sends, and servers trust them.
  'frontends.*.passTLSCert': FORGED,
  'frontends.*.passTLSClientCert': FORGED,
  'backends.*.maxConn': FLOODS,
  'backends.*.buffering.maxRequestBodyBytes': FLOODS,
  'backends.*.buffering.maxResponseBodyBytes': 'without it nothing limits what a server may answer',
  'backends.*.servers.*.maxConnections': FLOODS,
}

/** The depth at which the search ends. No field of Traefik is deeper, and an object may contain itself. */
const MAX_DEPTH = 8

/**
 * Returns whether a field is switched off: `false`, `null`, an empty text, list or object, or an object whose values are all
 * `false`, `null` or empty texts. An empty list inside an object may be a guard that refuses every client, so it is not off.
 */
export function asksForNothing(value: unknown): boolean {
  try {
    if (value === undefined || (Array.isArray(value) && value.length === 0)) return true
    return isOff(value, MAX_DEPTH) || (isPlain(value) && Object.keys(value).length === 0)
  } catch {
    // A value whose members throw when they are read may ask for anything.
    return false
  }
}

function isOff(value: unknown, depth: number): boolean {
  if (value === false || value === null || value === '') return true
  if (depth === 0 || !isPlain(value)) return false
  const inside = Object.values(value)
  return inside.length > 0 && inside.every((one) => isOff(one, depth - 1))
}

/** Returns whether a value is a plain object. Parsers also make dates and maps. */
function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
