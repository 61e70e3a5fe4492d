import { domainToASCII } from 'node:url'
import { type Issue, ProxyError } from '../model/errors.js'
import type { MatcherFactory, RequestFacts } from '../model/request-facts.js'
import { compileRanges, parseAddress, parseRange } from './cidr.js'
import { quote } from './document-shapes.js'
import { hostOf } from './normalize-host.js'
import { normalizePath } from './normalize-path.js'

/**
 * The table of matchers: name in rule text to factory. Adding one is adding a row (and its function below); its
 * key in data rules is the name with a small first letter. Order here is the order of canonical rule text.
 */
const MATCHERS: Readonly<Record<string, MatcherFactory>> = {
  Host: matchHost,
  Path: matchPath,
  PathPrefix: matchPathPrefix,
  Method: matchMethod,
  Headers: matchHeaders,
  ClientIP: matchClientIp,
}

/** Matchers and modifiers of Traefik 1.7 that are known and not built yet: refused by name. */
export const LATER_MATCHERS: readonly string[] = [
  'HostRegexp',
  'HeadersRegexp',
  'Query',
  'PathStrip',
  'PathStripRegex',
  'PathPrefixStrip',
  'PathPrefixStripRegex',
  'AddPrefix',
  'ReplacePath',
  'ReplacePathRegex',
]

/** Matchers by name: ours, and the host's own. A `Map`, because names come from documents. */
export type MatcherTable = ReadonlyMap<string, MatcherFactory>

const BUILT_IN: MatcherTable = new Map(Object.entries(MATCHERS))

/**
 * The matchers that rules may use.
 *
 * @param own the host's matchers; a name that is taken, or cannot stand in a rule, is refused
 * @throws ProxyError `PROXY_OPTION_INVALID`
 */
export function matcherTable(own: Readonly<Record<string, MatcherFactory>> = {}): MatcherTable {
  const added = Object.entries(own)
  if (added.length === 0) return BUILT_IN
  for (const [name] of added) {
    const taken = [...BUILT_IN.keys(), ...LATER_MATCHERS].some(
      (known) => known.toLowerCase() === name.toLowerCase(),
    )
    if (taken)
      throw new ProxyError('PROXY_OPTION_INVALID', `matchers.${name}: Switchover has a matcher of this name`)
    if (!/^[A-Z][A-Za-z0-9]*$/.test(name)) {
      throw new ProxyError(
        'PROXY_OPTION_INVALID',
        `matchers.${name}: expected a name like "Tenant": a capital, then letters and digits`,
      )
    }
  }
  return new Map([...BUILT_IN, ...added])
}

/** Host names, compared without case, port and trailing dot. Source: Traefik 1.7 `Host`. */
function matchHost(values: readonly string[]): (facts: RequestFacts) => boolean {
  const hosts = eachValue(values, parseHost)
  return oneOf(hosts, (facts) => facts.host)
}

function parseHost(value: string): string {
  // domainToASCII drops what it takes for a path or a tab: it gets only what looks like a name.
  const foreign =
    value.length <= MAX_HOST_LENGTH && /[^\x20-\x7e]/.test(value) && /^[\w.\u0080-\u{10ffff}-]+$/u.test(value)
  const ascii = foreign ? domainToASCII(value) : value.toLowerCase()
  const host = value.startsWith('[') || !ascii.includes(':') ? hostOf(ascii) : ascii
  if (/^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/.test(host)) return host
  if (value.endsWith(']') && URL.canParse(`http://${host}`)) return host
  throw new Error(
    `${quote(value)} is no host name; expected one like a.example.com, without port and wildcard`,
  )
}

/** Of a host name (RFC 1035, 2.3.4); domainToASCII takes seconds over what is very long. */
const MAX_HOST_LENGTH = 253

/** Exact paths. Source: Traefik 1.7 `Path`, but that no other slash form is redirected. */
function matchPath(values: readonly string[]): (facts: RequestFacts) => boolean {
  const paths = eachValue(values, parsePath)
  return oneOf(paths, (facts) => facts.path)
}

/** Plain string prefixes. Source: Traefik 1.7 `PathPrefix`: `/bar` takes `/barn` too. */
function matchPathPrefix(values: readonly string[]): (facts: RequestFacts) => boolean {
  const prefixes = eachValue(values, parsePath)
  const [only] = prefixes
  if (prefixes.length === 1 && only !== undefined) return (facts) => facts.path.startsWith(only)
  return (facts) => prefixes.some((prefix) => facts.path.startsWith(prefix))
}

function parsePath(value: string): string {
  if (!value.startsWith('/')) throw new Error(`${quote(value)} can never match: a path begins with "/"`)
  if (/[{}]/.test(value)) {
    throw new Error(`${quote(value)} holds braces; regular expressions in rules are not supported yet`)
  }
  if (/[?#]|[^\x21-\x7e]/.test(value)) {
    throw new Error(
      `${quote(value)} can never match: a path has no "?", "#", blank or unencoded non-ASCII character`,
    )
  }
  return normalizePath(value)
}

/** Methods, exactly. Source: Traefik 1.7 `Method`. */
function matchMethod(values: readonly string[]): (facts: RequestFacts) => boolean {
  const methods = eachValue(values, (value) => {
    if (!TOKEN.test(value)) throw new Error(`${quote(value)} is no method`)
    return value.toUpperCase()
  })
  return oneOf(methods, (facts) => facts.method)
}

/** Name and value in turn; of each header named, one line must equal its value. Source: Traefik 1.7 `Headers`. */
function matchHeaders(values: readonly string[]): (facts: RequestFacts) => boolean {
  if (values.length % 2 !== 0) {
    throw new Error(`expected names and values in turn, like Headers:X-Env,qas; found ${values.length} parts`)
  }
  const pairs: { name: string; value: string }[] = []
  for (let index = 0; index < values.length; index += 2) {
    const name = values[index] as string
    if (!TOKEN.test(name)) throw new Error(`${quote(name)} is no header name`)
    pairs.push({ name: name.toLowerCase(), value: values[index + 1] as string })
  }
  return ({ headers }) => pairs.every(({ name, value }) => hasHeader(headers, name, value))
}

function hasHeader(headers: RequestFacts['headers'], name: string, value: string): boolean {
  const found = Object.hasOwn(headers, name) ? headers[name] : undefined
  return typeof found === 'string' ? found === value : (found?.includes(value) ?? false)
}

/** Addresses and ranges of the client address. Ours; in Traefik since 2.5, there for the peer's address only. */
function matchClientIp(values: readonly string[]): (facts: RequestFacts) => boolean {
  const within = compileRanges(eachValue(values, parseRange, 'INVALID_RANGE'))
  return (facts) => {
    const address = parseAddress(facts.clientAddress)
    return address !== undefined && within(address)
  }
}

const TOKEN = /^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$/

function oneOf(
  values: readonly string[],
  factOf: (facts: RequestFacts) => string,
): (facts: RequestFacts) => boolean {
  const [only] = values
  if (values.length === 1) return (facts) => factOf(facts) === only
  const set = new Set(values)
  return (facts) => set.has(factOf(facts))
}

/** Parses every value, and reports every bad one: an issue's path is the value's index. */
function eachValue<T>(
  values: readonly string[],
  parse: (value: string) => T,
  code: Issue['code'] = 'INVALID_RULE',
): T[] {
  const issues: Issue[] = []
  const parsed: T[] = []
  for (const [index, value] of values.entries()) {
    try {
      parsed.push(parse(value))
    } catch (error) {
      issues.push({ path: String(index), code, message: (error as Error).message })
    }
  }
  if (issues.length > 0) {
    throw new ProxyError('PROXY_RULE_INVALID', issues.map(({ message }) => message).join('; '), { issues })
  }
  return parsed
}
