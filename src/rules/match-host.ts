import { isIP } from 'node:net'
import { domainToASCII } from 'node:url'
import { quote } from '../base/messages.js'
import { hostOf } from '../base/normalize-host.js'
import { type CompiledMatcher, eachValue } from './compiled-matcher.js'
import { compileRegexp } from './regexps.js'
import { hasBraces, parseTemplate } from './templates.js'

/**
 * Matches the request's host name. Case, port and a trailing dot do not count. `*.` at the start of a value stands for any single
 * label. The value `*` stands for any host. Source: Traefik 1.7 `Host`, and Traefik 3 for `*`.
 */
export function matchHost(values: readonly string[]): CompiledMatcher {
  const names = eachValue(values, parseHost)
  const hosts = names.filter((name) => !name.startsWith('*'))
  const wildcards = names.filter((name) => name.startsWith('*.')).map((name) => name.slice(2))
  if (names.includes('*')) return { test: ({ host }) => host !== '' }
  const needs = { hosts, wildcards, whole: true }
  const [only] = hosts
  if (names.length === 1 && only !== undefined) return { test: ({ host }) => host === only, needs }
  const exact = new Set(hosts)
  const behindLabel = new Set(wildcards)
  return { test: ({ host }) => exact.has(host) || behindLabel.has(behindFirstLabel(host)), needs }
}

/** Returns the part of a host name after its first label, or an empty string if there is none. */
export function behindFirstLabel(host: string): string {
  const dot = host.indexOf('.')
  return dot > 0 ? host.slice(dot + 1) : ''
}

function parseHost(value: string): string {
  if (value === '*') return value
  if (!value.startsWith('*.')) return parseName(value, value)
  const name = parseName(value.slice(2), value)
  if (name.startsWith('[')) throw new Error(`${quote(value)} can never match: an address has no labels`)
  return `*.${name}`
}

function parseName(name: string, value: string): string {
  if (name.length > MAX_HOST_LENGTH)
    throw new Error(`${quote(value)} can never match: a host name has at most ${MAX_HOST_LENGTH} characters`)
  if (isIP(name) === 6) return hostOf(`[${name}]`)
  // `domainToASCII` silently drops a tab, or what looks like a path. So it is called only for a text that looks like a host name.
  const foreign = /[^\x20-\x7e]/.test(name) && /^[\w.\u0080-\u{10ffff}-]+$/u.test(name)
  const ascii = foreign ? domainToASCII(name) : name.toLowerCase()
  const host = name.startsWith('[') || !ascii.includes(':') ? hostOf(ascii) : ascii
  if (/^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/.test(host)) return host
  if (name.endsWith(']') && URL.canParse(`http://${host}`)) return host
  throw new Error(
    `${quote(value)} is not a host name; expected one like a.example.com or *.example.com, without a port`,
  )
}

/** The most characters of a host name (RFC 1035, 2.3.4). For a much longer text, `domainToASCII` would take seconds. */
const MAX_HOST_LENGTH = 253

/**
 * Matches regular expressions against the host name in lower case. An expression may match any part of it. Source: Traefik 3
 * `HostRegexp`.
 */
export function matchHostRegexp(values: readonly string[]): CompiledMatcher {
  const regexps = eachValue(values, (value) => compileRegexp(withoutGroups(onlyAscii(value))))
  return { test: ({ host }) => host !== '' && regexps.some((regexp) => regexp.test(host)) }
}

/** Matches whole host names by templates with `{name:regexp}` groups. Case does not count. Source: Traefik 1.7 `HostRegexp`. */
export function matchHostTemplate(values: readonly string[]): CompiledMatcher {
  const regexps = eachValue(values, (value) => {
    if (!hasBraces(value) && /[*^$()|[\]\\+?]/.test(value)) {
      throw new Error(
        `${quote(value)} is not a host name; expected regular expressions in groups, like {sub:[a-z]+}.a.test`,
      )
    }
    if (!hasBraces(value)) parseName(value, value)
    const { source } = parseTemplate(onlyAscii(value), '.', withoutBlanks)
    return compileRegexp(`^${source}$`, { ignoreCase: true })
  })
  return { test: ({ host }) => regexps.some((regexp) => regexp.test(host)) }
}

function onlyAscii(value: string): string {
  if (!/[^\x20-\x7e]/.test(value)) return value
  throw new Error(`${quote(value)} can never match: a host has only ASCII characters (write xn--)`)
}

/** Returns the text outside of a template's groups unchanged. Throws if the text has a blank, because no host name has one. */
function withoutBlanks(text: string): string {
  if (!text.includes(' ')) return text
  throw new Error(`${quote(text)} can never match: a host has no blanks`)
}

/**
 * Returns a regular expression unchanged. Throws if the expression has a group such as `{sub:[a-z]+}`. Such an expression is most
 * likely a template of Traefik 1.7 or 2. In a regular expression, `{sub` matches only itself, and no host name has a brace.
 */
function withoutGroups(source: string): string {
  if (!/\{[A-Za-z_]/.test(source)) return source
  throw new Error(
    `${quote(source)} can never match: {groups} belong to Traefik 1.7's form; expected a regular expression, like ^[a-z]+\\.a\\.test$`,
  )
}
