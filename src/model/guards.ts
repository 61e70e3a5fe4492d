/** Why fields that keep something out, or say who asks, are never left out of a document by one word. */
const LETS_IN = 'without it everybody gets in'
const PLAIN = 'without it requests are served where they were to be sent on, in plain text perhaps'
const FLOODS = 'without it nothing limits what a client may ask of a server'
const FORGED = 'without it the header that tells who asks is the client’s own'

/**
 * What guards, by the path of its field, with what happens without it. `*` stands for a name of the document's own. A field
 * that stands here and is not built yet is left out only where its own path is given; adding a guard is adding a row.
 */
export const GUARDS: Readonly<Record<string, string>> = {
  tls: 'without it its certificates, and what they ask of clients, are not there',
  'frontends.*.auth': LETS_IN,
  'frontends.*.basicAuth': LETS_IN,
  'frontends.*.whiteList': LETS_IN,
  'frontends.*.whitelistSourceRange': LETS_IN,
  // It may lead to TLS, and nothing in its form says so for certain.
  'frontends.*.redirect': PLAIN,
  // `allowedHosts`, `sslRedirect` and the headers by which browsers protect a page stand in it.
  'frontends.*.headers': `${PLAIN}; its allowedHosts and security headers are missing too`,
  'frontends.*.ratelimit': FLOODS,
  // Traefik overwrites what a client sends under these headers' names; servers believe them.
  'frontends.*.passTLSCert': FORGED,
  'frontends.*.passTLSClientCert': FORGED,
  'backends.*.maxConn': FLOODS,
  'backends.*.buffering.maxRequestBodyBytes': FLOODS,
  'backends.*.buffering.maxResponseBodyBytes': 'without it nothing limits what a server may answer',
  'backends.*.servers.*.maxConnections': FLOODS,
}

/** Deeper than any field of Traefik's; a document may hold circles. */
const MAX_DEPTH = 8

/**
 * Whether a field asks for nothing: `false`, `null`, an empty text, list or object, or an object that holds nothing but what is
 * `false`, `null` or an empty text. A list that is empty within it may ask for something: a guard that lets nobody in.
 */
export function asksForNothing(value: unknown): boolean {
  try {
    if (value === undefined || (Array.isArray(value) && value.length === 0)) return true
    return isOff(value, MAX_DEPTH) || (isPlain(value) && Object.keys(value).length === 0)
  } catch {
    // What cannot be read may ask for anything.
    return false
  }
}

function isOff(value: unknown, depth: number): boolean {
  if (value === false || value === null || value === '') return true
  if (depth === 0 || !isPlain(value)) return false
  const inside = Object.values(value)
  return inside.length > 0 && inside.every((one) => isOff(one, depth - 1))
}

/** Parsers make other things too: dates, maps. */
function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
