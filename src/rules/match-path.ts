import { quote } from '../base/messages.js'
import { decodeUnreserved, normalizePath } from '../base/normalize-path.js'
import { type CompiledMatcher, type CompileMatcher, eachValue } from './compiled-matcher.js'
import { compileRegexp, type Regexp } from './regexps.js'
import { hasBraces, parseTemplate } from './templates.js'

/**
 * The meaning of braces in a path of a rule: groups such as `{id:[0-9]+}` in Traefik 1.7's syntax, ordinary characters in Traefik
 * 3's. In a rule given as data they are refused, because they are most likely a mistake.
 */
export type Braces = 'groups' | 'literal' | 'refused'

/**
 * One path or path prefix of a rule, parsed. If it has groups, `source` is its regular expression, and `text` is the text before
 * the first group.
 */
export interface RulePath {
  readonly text: string
  readonly source?: string
}

/**
 * Matches the whole path of a request. A path with groups is compiled to a regular expression. Source: Traefik 1.7 `Path`.
 *
 * @param keepTrailingSlash whether `/a` and `/a/` are two paths. If false, a rule for one of them matches both. The proxy then
 *   redirects a client from the other path to the path in the rule. Source: Traefik 1.7's `keepTrailingSlash = false`, which is
 *   `StrictSlash` of gorilla/mux.
 */
export function matchPath(braces: Braces, keepTrailingSlash = true): CompileMatcher {
  return (values) => {
    const parsed = eachValue(values, (value) => parsePath(value, braces))
    const literal = new Set(parsed.filter(({ source }) => source === undefined).map(({ text }) => text))
    const regexps = regexpsOf(parsed, '$')
    const named = (path: string) => literal.has(path) || regexps.some((regexp) => regexp.test(path))
    const needs = needsOf(parsed, keepTrailingSlash ? 'paths' : 'bothSlashForms')
    const [only] = parsed
    if (keepTrailingSlash) {
      const simple = parsed.length === 1 && only?.source === undefined ? only?.text : undefined
      return { test: simple === undefined ? ({ path }) => named(path) : ({ path }) => path === simple, needs }
    }
    const test = (path: string) => named(path) || otherSlashOf(path).some(named)
    const otherSlash = (path: string) => (named(path) ? undefined : otherSlashOf(path).find(named))
    return { test: ({ path }) => test(path), needs, otherSlash }
  }
}

/** Returns `/a/` for `/a`, and `/a` for `/a/`. For `/`, and for a path that ends with two slashes, it returns an empty list. */
function otherSlashOf(path: string): string[] {
  if (!path.endsWith('/')) return [`${path}/`]
  const without = path.slice(0, -1)
  return without === '' || without.endsWith('/') ? [] : [without]
}

/**
 * Matches the start of the path as plain text, so the prefix `/bar` matches `/barn` too. Source: Traefik 1.7 and 3 `PathPrefix`.
 */
export function matchPathPrefix(braces: Braces): CompileMatcher {
  return (values) => {
    const parsed = eachValue(values, (value) => parsePrefix(value, braces))
    const prefixes = parsed.filter(({ source }) => source === undefined).map(({ text }) => text)
    const regexps = regexpsOf(parsed, '')
    const needs = needsOf(parsed, 'prefixes')
    const [only] = prefixes
    if (parsed.length === 1 && only !== undefined) return { test: ({ path }) => path.startsWith(only), needs }
    const test = (path: string) =>
      prefixes.some((prefix) => path.startsWith(prefix)) || regexps.some((regexp) => regexp.test(path))
    return { test: ({ path }) => test(path), needs }
  }
}

/** Matches regular expressions against the path. An expression may match any part of it. Source: Traefik 3 `PathRegexp`. */
export function matchPathRegexp(values: readonly string[]): CompiledMatcher {
  const regexps = eachValue(values, (value) => compileRegexp(value))
  return { test: ({ path }) => regexps.some((regexp) => regexp.test(path)) }
}

function regexpsOf(paths: readonly RulePath[], end: '$' | ''): Regexp[] {
  return paths.flatMap(({ source }) => (source === undefined ? [] : [compileRegexp(`^${source}${end}`)]))
}

function needsOf(parsed: readonly RulePath[], kind: 'paths' | 'bothSlashForms' | 'prefixes') {
  const withGroups = parsed.filter(({ source }) => source !== undefined).map(({ text }) => text)
  const plain = parsed.filter(({ source }) => source === undefined).map(({ text }) => text)
  const whole = withGroups.length === 0
  if (kind === 'prefixes') return { prefixes: [...plain, ...withGroups], whole }
  const paths = kind === 'paths' ? plain : plain.flatMap((path) => [path, ...otherSlashOf(path)])
  // If `/a` and `/a/` count as one path, a request may lack the slash before a group. So a prefix must not end with that slash.
  const prefixes = kind === 'paths' ? withGroups : withGroups.map((text) => text.replace(/\/$/, ''))
  return { paths, prefixes, whole }
}

/**
 * Parses a path of a rule. The result has the same normal form as the paths of requests.
 *
 * @throws Error if no request can have the path
 */
export function parsePath(value: string, braces: Braces): RulePath {
  if (!value.startsWith('/')) throw new Error(`${quote(value)} can never match: a path begins with "/"`)
  const groups = hasBraces(value) && braces !== 'literal'
  if (groups && braces === 'refused') {
    throw new Error(
      `${quote(value)} has braces, which are not groups in a rule given as data; use pathRegexp for a regular expression`,
    )
  }
  if (groups) {
    if (/\/\.\.?$/.test(value))
      throw new Error(
        `${quote(value)} can never match: dot segments (/./ and /../) are resolved before rules are tested`,
      )
    const { source, beginning } = parseTemplate(value, '/', normalizeLiteral)
    return { text: beginning, source }
  }
  refuseForeign(value)
  return { text: normalizePath(value) }
}

/**
 * Refuses a text with a character that no path has, such as `?`, `#` or a blank.
 *
 * @throws Error that quotes the text
 */
function refuseForeign(text: string): void {
  if (!/[?#]|[^\x21-\x7e]/.test(text)) return
  throw new Error(
    `${quote(text)} can never match: a path has no "?", "#", blank or unencoded non-ASCII character`,
  )
}

/**
 * Normalizes the fixed text between two `{...}` groups of a path in a rule. Refuses dot segments: what `..` would remove may be a
 * group, whose text is unknown.
 */
function normalizeLiteral(text: string): string {
  refuseForeign(text)
  const decoded = decodeUnreserved(text)
  if (/\/\.\.?\//.test(decoded))
    throw new Error(
      `${quote(text)} can never match: dot segments (/./ and /../) are resolved before rules are tested`,
    )
  return decoded
}

/**
 * Parses a path prefix of a rule. The last segment of a prefix may continue in a request. So `/.` is the start of `/.well-known`,
 * and not a dot segment.
 */
export function parsePrefix(value: string, braces: Braces): RulePath {
  const open = /^(.*\/)(\.\.?)$/s.exec(decodeUnreserved(value))
  if (!open || (hasBraces(value) && braces === 'groups')) return parsePath(value, braces)
  const [, before = '/', dots = ''] = open
  return { text: parsePath(before, braces).text + dots }
}
