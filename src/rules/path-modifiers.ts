import { quote } from '../base/messages.js'
import { normalizePath } from '../base/normalize-path.js'
import { ProxyError } from '../model/errors.js'
import type { CompiledMatcher, CompileMatcher, PathModifier, RewrittenPath } from './compiled-matcher.js'
import {
  type Braces,
  matchPath,
  matchPathPrefix,
  parsePath,
  parsePrefix,
  type RulePath,
} from './match-path.js'
import { compileRegexp } from './regexps.js'

/**
 * The path that the server gets, and the headers that tell the server of the change. In `headers`, names and values alternate.
 */
export interface Rewrite {
  readonly path: string
  readonly headers: readonly string[]
}

const ORDER = { stripRegex: 0, strip: 1, add: 2, replaceRegex: 3, replace: 4 }

/**
 * Compiles all path modifiers of a frontend to one function that rewrites a path. Returns undefined if there are no modifiers.
 */
export function compileRewrite(modifiers: readonly PathModifier[]): ((path: string) => Rewrite) | undefined {
  if (modifiers.length === 0) return undefined
  const ordered = modifiers.toSorted((a, b) => a.order - b.order)
  return (asked) => {
    let path = asked
    const headers: string[] = []
    for (const { apply } of ordered) {
      const changed = apply(path)
      if (!changed) continue
      path = changed.path
      if (changed.header) headers.push(...changed.header)
    }
    return { path: normalizePath(path), headers }
  }
}

/** Matches the whole path and cuts it off, so that `/` remains. Source: Traefik 1.7 `PathStrip`. */
export function stripPath(braces: Braces, keepTrailingSlash = true): CompileMatcher {
  return stripping(matchPath(braces, keepTrailingSlash), braces, ORDER.strip, '$')
}

/** Matches the start of the path and cuts that part off. Source: Traefik 1.7 `PathPrefixStrip`. */
export function stripPrefix(braces: Braces): CompileMatcher {
  return stripping(matchPathPrefix(braces), braces, ORDER.strip, '')
}

/** Matches the whole path by a template with `{name:regexp}` groups and cuts it off. Source: Traefik 1.7 `PathStripRegex`. */
export function stripPathRegex(keepTrailingSlash = true): CompileMatcher {
  return stripping(matchPath('groups', keepTrailingSlash), 'groups', ORDER.stripRegex, '$')
}

/** Matches the start of the path by a template with groups and cuts that part off. Source: Traefik 1.7 `PathPrefixStripRegex`. */
export function stripPrefixRegex(values: readonly string[]): CompiledMatcher {
  return stripping(matchPathPrefix('groups'), 'groups', ORDER.stripRegex, '')(values)
}

function stripping(match: CompileMatcher, braces: Braces, order: number, end: '$' | ''): CompileMatcher {
  return (values) => {
    const matcher = match(values)
    // The longest path of the rule is tried first. So if two paths match, the more specific one is cut off.
    const parse = end === '$' ? parsePath : parsePrefix
    const paths = values.map((value) => parse(value, braces))
    const longestFirst = paths.toSorted((a, b) => sizeOf(b) - sizeOf(a))
    const lengths = longestFirst.map((path) => lengthAtStart(path, end))
    const apply = (path: string) => {
      for (const lengthIn of lengths) {
        const length = lengthIn(path)
        if (length < 0) continue
        const prefix = path.slice(0, length)
        // The rest of the path is normalized, because cutting `/static` off `/static../x` leaves a dot segment.
        const rest = normalizePath(`/${path.slice(length)}`).replace(/^\/+/, '/')
        return { path: rest, header: ['X-Forwarded-Prefix', prefix] as const }
      }
      return undefined
    }
    return { ...matcher, modifier: { order, apply } }
  }
}

function sizeOf({ text, source = text }: RulePath): number {
  return source.length
}

/**
 * Returns a function that compares a request's path with a path of a rule. The function returns how many characters at the start
 * of the request's path match, or -1 for no match.
 */
function lengthAtStart({ text, source }: RulePath, end: '$' | ''): (path: string) => number {
  if (source !== undefined) {
    const regexp = compileRegexp(`^${source}${end}`)
    return (path) => regexp.endIn(path)
  }
  const isIt = (path: string) => (end === '$' ? path === text : path.startsWith(text))
  return (path) => (isIt(path) ? text.length : -1)
}

const HOLDS = { test: () => true }

/** Puts a prefix in front of the path. As a matcher, it holds for every request. Source: Traefik 1.7 `AddPrefix`. */
export function addPrefix(values: readonly string[]): CompiledMatcher {
  const { text } = parsePath(onlyValue(values, 'AddPrefix:/api'), 'literal')
  const prefix = text.replace(/\/$/, '')
  return { ...HOLDS, modifier: { order: ORDER.add, apply: (path) => ({ path: prefix + path }) } }
}

/** Replaces the whole path. As a matcher, it holds for every request. Source: Traefik 1.7 `ReplacePath`. */
export function replacePath(values: readonly string[]): CompiledMatcher {
  const { text } = parsePath(onlyValue(values, 'ReplacePath:/new'), 'literal')
  return { ...HOLDS, modifier: { order: ORDER.replace, apply: (path) => replaced(path, text) } }
}

/**
 * Replaces each match of a regular expression in the path. The value is the expression, a blank and the replacement. As a
 * matcher, it holds for every request, even if the expression matches nothing. Source: Traefik 1.7 `ReplacePathRegex`.
 */
export function replacePathRegex(values: readonly string[]): CompiledMatcher {
  const [source = '', replacement = '', ...more] = onlyValue(values, REPLACE_EXAMPLE).split(/\s+/)
  if (replacement === '' || more.length > 0) {
    throw new Error(`expected a regular expression, a blank and a replacement, like ${REPLACE_EXAMPLE}`)
  }
  if (/[?#]|[^\x21-\x7e]/.test(replacement)) {
    throw new Error(
      `${quote(replacement)} cannot be a path: it has "?", "#" or a character that is not printable ASCII`,
    )
  }
  const regexp = compileRegexp(source)
  const written = DOT_SEGMENT.test(replacement)
  const apply = (path: string) => {
    if (!regexp.test(path)) return undefined
    const made = `/${regexp.replaceIn(path, replacement)}`.replace(/^\/+/, '/')
    if (!written && DOT_SEGMENT.test(made)) {
      // The request is refused. With `^/u-(.*) /files/$1`, for example, the path `/u-../x` would become `/files/../x`, which
      // leads out of the folder that the rule means.
      throw new ProxyError('PROXY_BAD_REQUEST', 'rewriting the path would make a dot segment')
    }
    return replaced(path, made)
  }
  return { ...HOLDS, modifier: { order: ORDER.replaceRegex, apply } }
}

const DOT_SEGMENT = /\/\.\.?(?:\/|$)/
const REPLACE_EXAMPLE = 'ReplacePathRegex:^/old/(.*) /new/$1'

function replaced(path: string, by: string): RewrittenPath {
  return { path: by, header: ['X-Replaced-Path', path] }
}

function onlyValue(values: readonly string[], example: string): string {
  if (values.length > 1) throw new Error(`expected one value, like ${example}; found ${values.length}`)
  return values[0] as string
}
