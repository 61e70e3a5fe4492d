import type { CompileMatcher } from './compiled-matcher.js'
import { matchClientIp } from './match-client-ip.js'
import { matchHost, matchHostRegexp, matchHostTemplate } from './match-host.js'
import {
  matchHeaders,
  matchHeadersRegexp,
  matchMethod,
  matchQuery,
  matchQueryPairs,
  matchQueryRegexp,
  withoutEmptyValue,
} from './match-message.js'
import { matchPath, matchPathPrefix, matchPathRegexp } from './match-path.js'
import {
  addPrefix,
  replacePath,
  replacePathRegex,
  stripPath,
  stripPathRegex,
  stripPrefix,
  stripPrefixRegex,
} from './path-modifiers.js'

/** One matcher: the rule syntaxes in which it can be used, and how its values are compiled in each of them. */
export interface Matcher {
  /** Compiles the values of the matcher in Traefik 1.7's rule syntax. Undefined if that syntax does not have the matcher. */
  readonly traefik1?: CompileMatcher
  /** How the matcher is written and compiled in Traefik 3's rule syntax. Undefined if that syntax does not have the matcher. */
  readonly traefik3?: InTraefik3
  /** Compiles the values of the matcher in a rule given as data (an object). Undefined if such a rule cannot have the matcher. */
  readonly data?: CompileMatcher
  /**
   * Is used instead of the field `data` if a rule given as data has `any` or `not`. In such a rule, the path may be only one of
   * several alternatives. So the matcher never redirects a client to the path with or without its final slash.
   */
  readonly nested?: CompileMatcher
  /**
   * Whether the values in a rule given as data mean the same in Traefik 1.7's rule syntax. If so, such a rule can be shown in
   * that syntax.
   */
  readonly shownAsTraefik1: boolean
  /**
   * Whether the values alternate between a name and its value, as in `Headers`. All these pairs must match. In a rule given as
   * data, they are an object. Otherwise the values are alternatives, of which one must match.
   */
  readonly pairs?: boolean
  /** The part of the request that the matcher tests, if it is the host name or the path. */
  readonly fact?: 'host' | 'path'
}

interface InTraefik3 {
  readonly name?: string
  /** The least and the greatest number of values that the matcher takes in Traefik 3's rule syntax. */
  readonly values: readonly [least: number, most: number]
  readonly compile: CompileMatcher
}

const ONE = [1, 1] as const
const PAIR = [2, 2] as const
const ONE_OR_PAIR = [1, 2] as const

/**
 * Describes a matcher that takes the same values with the same meaning in both rule syntaxes of Traefik and in rules given as
 * data.
 */
export function everywhere(compile: CompileMatcher, values: InTraefik3['values'] = ONE): Matcher {
  return { traefik1: compile, traefik3: { values, compile }, data: compile, shownAsTraefik1: true }
}

/**
 * Describes a matcher that changes the path of a request (a path modifier). Traefik 1.7 has modifiers in its rules, Traefik 3 has
 * not.
 */
function modifier(traefik1: CompileMatcher, data = traefik1): Matcher {
  return { traefik1, data, shownAsTraefik1: true }
}

/**
 * Returns the table of built-in matchers, by their names in the text of rules. To add a matcher, add a row. In a rule given as
 * data, the matcher's key is its name with a lower-case first letter. Such a rule lists and tests its matchers in the order of
 * this table.
 *
 * @param keepTrailingSlash whether `/a` and `/a/` are two paths (see `matchPath`). In Traefik 3's rule syntax, they always are.
 */
function ourMatchers(keepTrailingSlash: boolean): Readonly<Record<string, Matcher>> {
  const [keeps, pairs] = [keepTrailingSlash, true]
  return {
    Host: { ...everywhere(matchHost), fact: 'host' },
    HostRegexp: {
      traefik1: matchHostTemplate,
      traefik3: { values: ONE, compile: matchHostRegexp },
      data: matchHostRegexp,
      shownAsTraefik1: false,
      fact: 'host',
    },
    Path: {
      traefik1: matchPath('groups', keeps),
      traefik3: { values: ONE, compile: matchPath('literal') },
      data: matchPath('refused', keeps),
      nested: matchPath('refused'),
      shownAsTraefik1: true,
      fact: 'path',
    },
    PathPrefix: {
      traefik1: matchPathPrefix('groups'),
      traefik3: { values: ONE, compile: matchPathPrefix('literal') },
      data: matchPathPrefix('refused'),
      shownAsTraefik1: true,
      fact: 'path',
    },
    PathRegexp: {
      traefik3: { values: ONE, compile: matchPathRegexp },
      data: matchPathRegexp,
      shownAsTraefik1: false,
      fact: 'path',
    },
    PathStrip: {
      ...modifier(stripPath('groups', keeps), stripPath('refused', keeps)),
      nested: stripPath('refused'),
      fact: 'path',
    },
    PathStripRegex: { ...modifier(stripPathRegex(keeps)), nested: stripPathRegex(), fact: 'path' },
    PathPrefixStrip: { ...modifier(stripPrefix('groups'), stripPrefix('refused')), fact: 'path' },
    PathPrefixStripRegex: { ...modifier(stripPrefixRegex), fact: 'path' },
    Method: everywhere(matchMethod),
    Headers: {
      ...everywhere(matchHeaders),
      traefik3: { name: 'Header', values: PAIR, compile: matchHeaders },
      pairs,
    },
    HeadersRegexp: {
      ...everywhere(matchHeadersRegexp),
      traefik3: { name: 'HeaderRegexp', values: PAIR, compile: matchHeadersRegexp },
      pairs,
    },
    Query: {
      traefik1: matchQueryPairs,
      traefik3: { values: ONE_OR_PAIR, compile: withoutEmptyValue(matchQuery) },
      data: matchQuery,
      shownAsTraefik1: false,
      pairs,
    },
    QueryRegexp: {
      traefik3: { values: ONE_OR_PAIR, compile: withoutEmptyValue(matchQueryRegexp) },
      data: matchQueryRegexp,
      shownAsTraefik1: false,
      pairs,
    },
    ClientIP: everywhere(matchClientIp),
    AddPrefix: modifier(addPrefix),
    ReplacePath: modifier(replacePath),
    ReplacePathRegex: modifier(replacePathRegex),
  }
}

/** The built-in matchers by name, for a proxy in which the rule `Path:/a` matches `/a` only. */
export const BUILT_IN: ReadonlyMap<string, Matcher> = new Map(Object.entries(ourMatchers(true)))
/** The built-in matchers by name, for a proxy in which the rule `Path:/a` matches `/a/` too. */
export const BUILT_IN_SLASH_TOLERANT: ReadonlyMap<string, Matcher> = new Map(
  Object.entries(ourMatchers(false)),
)
