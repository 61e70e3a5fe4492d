import { parseUrl } from '../base/parse-url.js'
import { Recent } from '../base/recent.js'
import { flawOfAuthority, flawOfPath, whyNoUrl } from '../base/written-url.js'

/** The parts of a server's URL. If `flaw` is set, the URL cannot be used and the other fields have no meaning. */
export interface ServerUrl {
  /** What is wrong with the URL, in words that follow the URL in a message. Undefined if nothing is wrong. */
  readonly flaw?: string
  /** The URL's origin, for example `http://10.0.0.7:8080`. */
  readonly origin: string
  /** The URL's host name or address. The port follows, unless it is the default port of the URL scheme. */
  readonly host: string
  /** The URL's path without a slash at its end. It is an empty string if the URL has no path. */
  readonly basePath: string
}

/**
 * A cache of parsed URLs by their text. A new configuration repeats most URLs of the one before. In addition, each URL is parsed
 * twice: once for validation and once for the engine.
 */
const recent = new Recent<ServerUrl>(20_000)
const MAX_KEPT_LENGTH = 1_000
/** The most characters of a URL. A longer URL would not fit into the head of a request, and error messages would repeat it. */
const MAX_LENGTH = 8_192

/** Parses the URL of a server. If the URL cannot be used, the field `flaw` of the result says what is wrong. */
export function parseServerUrl(text: string): ServerUrl {
  return text.length <= MAX_KEPT_LENGTH ? recent.get(text, parse) : parse(text)
}

function parse(text: string): ServerUrl {
  if (text.length > MAX_LENGTH) return flawed(`is longer than ${MAX_LENGTH} characters`)
  // Refuses blanks, control characters and backslashes. A URL parser silently drops blanks and line breaks, but requests must go
  // to exactly the server that is written.
  if (/[\s\\]|\p{Cc}/u.test(text)) return flawed('contains a blank, a control character or a backslash')
  const url = parseUrl(text)
  if (!url) return flawed(`is not a URL${whyNoUrl(text)}; expected one like http://10.0.0.1:8080`)
  const flaw = flawOf(url, text)
  if (flaw) return flawed(flaw)
  return { origin: url.origin, host: url.host, basePath: url.pathname.replace(/\/$/, '') }
}

/**
 * Matches most URLs of servers: those with neither a path nor an IPv6 address. Such a URL needs no further check of host, port
 * and path.
 */
const AS_WRITTEN = /^https?:\/\/[a-z\d-]+(\.[a-z\d-]+)*(:[1-9]\d*)?$/

function flawOf({ protocol, username, password, href }: URL, text: string): string | undefined {
  if (protocol === 'h2c:')
    return 'asks for HTTP/2 without TLS, which is not supported; expected http or https'
  if (protocol !== 'http:' && protocol !== 'https:')
    return `has the scheme ${protocol.slice(0, -1)}; expected http or https`
  if (username !== '' || password !== '' || /^[^/]*\/\/[^/?#]*@/.test(text))
    return 'contains credentials, which do not belong in a URL'
  if (!/^https?:\/\/[^/]/i.test(text)) return 'does not have exactly two slashes after its scheme'
  if (text.includes('#')) return 'has a fragment ("#"), which is never sent to a server'
  if (text.includes('?')) return 'has a query ("?"); expected nothing after its path'
  if (AS_WRITTEN.test(text) && href === `${text}/`) return undefined
  return flawOfAuthority(text) ?? flawOfPath(text)
}

function flawed(flaw: string): ServerUrl {
  return { flaw, origin: '', host: '', basePath: '' }
}
