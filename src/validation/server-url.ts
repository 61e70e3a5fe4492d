import { parseUrl } from '../base/parse-url.js'
import { Recent } from '../base/recent.js'
import { flawOfAuthority, flawOfPath, whyNoUrl } from '../base/written-url.js'

/** A server's URL, taken apart; with a flaw, the parts mean nothing. */
export interface ServerUrl {
  /** What is wrong with it, to follow the URL in a message. */
  readonly flaw?: string
  /** `http://host:port`. */
  readonly origin: string
  /** Host, and port if it is not the scheme's own. */
  readonly host: string
  /** Without a slash at its end; `''` if there is none. */
  readonly basePath: string
}

/** A configuration's URLs stand in the one after it too, and each is parsed to be checked and to be used. */
const recent = new Recent<ServerUrl>(20_000)
const MAX_KEPT_LENGTH = 1_000
/** Longer ones fit into the head of no request, and would stand in messages. */
const MAX_LENGTH = 8_192

/** The parts of a server's URL, or what is wrong with it. */
export function parseServerUrl(text: string): ServerUrl {
  return text.length <= MAX_KEPT_LENGTH ? recent.get(text, parse) : parse(text)
}

function parse(text: string): ServerUrl {
  if (text.length > MAX_LENGTH) return flawed(`is longer than ${MAX_LENGTH} characters`)
  // The URL parser drops blanks and line breaks silently; a server must be what was written.
  if (/[\s\\]|\p{Cc}/u.test(text)) return flawed('holds a blank, a control character or a backslash')
  const url = parseUrl(text)
  if (!url) return flawed(`is no URL${whyNoUrl(text)}; expected one like http://10.0.0.1:8080`)
  const flaw = flawOf(url, text)
  if (flaw) return flawed(flaw)
  return { origin: url.origin, host: url.host, basePath: url.pathname.replace(/\/$/, '') }
}

/** What most URLs are: looked at once instead of part by part. */
const AS_WRITTEN = /^https?:\/\/[a-z\d-]+(\.[a-z\d-]+)*(:[1-9]\d*)?$/

function flawOf({ protocol, username, password, href }: URL, text: string): string | undefined {
  if (protocol === 'h2c:')
    return 'asks for HTTP/2 without TLS, which is not supported; expected http or https'
  if (protocol !== 'http:' && protocol !== 'https:')
    return `has the scheme ${protocol} expected http or https`
  if (username !== '' || password !== '' || /^[^/]*\/\/[^/?#]*@/.test(text))
    return 'carries credentials, which do not belong in a URL'
  if (!/^https?:\/\/[^/]/i.test(text)) return 'has not exactly two slashes behind its scheme'
  if (text.includes('#')) return 'carries a fragment, which no server ever sees'
  if (text.includes('?')) return 'carries a query; only a path can be prepended'
  if (AS_WRITTEN.test(text) && href === `${text}/`) return undefined
  return flawOfAuthority(text) ?? flawOfPath(text)
}

function flawed(flaw: string): ServerUrl {
  return { flaw, origin: '', host: '', basePath: '' }
}
