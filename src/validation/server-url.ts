import { parseUrl } from '../base/parse-url.js'
import { Recent } from '../base/recent.js'
import { flawOfAuthority, flawOfPath, whyNoUrl } from '../base/written-url.js'

/** A server's URL in parts. If `flaw` is set, the other fields have no meaning. */
export interface ServerUrl {
  /** What is wrong with the URL, in words that follow the URL in a message. */
  readonly flaw?: string
  /** The origin, for example `http://10.0.0.7:8080`. */
  readonly origin: string
  /** The host, with the port unless it is the default port of the scheme. */
  readonly host: string
  /** The path without a slash at its end. It is empty if there is none. */
  readonly basePath: string
}

/**
 * Parsed URLs by their text. Most URLs of a configuration stood in the one before it too. Each is parsed once for validation and
 * once for the engine.
 */
const recent = new Recent<ServerUrl>(20_000)
const MAX_KEPT_LENGTH = 1_000
/** The most characters of a URL. A longer one fits into no request's head, and it would stand in messages. */
const MAX_LENGTH = 8_192

/** Parses a server's URL, or says what is wrong with it. */
export function parseServerUrl(text: string): ServerUrl {
  return text.length <= MAX_KEPT_LENGTH ? recent.get(text, parse) : parse(text)
}

function parse(text: string): ServerUrl {
  if (text.length > MAX_LENGTH) return flawed(`is longer than ${MAX_LENGTH} characters`)
  // A parser of URLs silently drops blanks and line breaks. The server must be the one that is written.
  if (/[\s\\]|\p{Cc}/u.test(text)) return flawed('contains a blank, a control character or a backslash')
  const url = parseUrl(text)
  if (!url) return flawed(`is not a URL${whyNoUrl(text)}; expected one like http://10.0.0.1:8080`)
  const flaw = flawOf(url, text)
  if (flaw) return flawed(flaw)
  return { origin: url.origin, host: url.host, basePath: url.pathname.replace(/\/$/, '') }
}

/** Matches the shape of most URLs. One test with it replaces the checks of host, port and path. */
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
