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

/** One matcher: the forms of rules that have it, and how its values are compiled in each. */
export interface Matcher {
  /** Compiles values in text of Traefik 1.7's form. Absent: that form does not have the matcher. */
  readonly traefik1?: CompileMatcher
  /** The matcher in text of Traefik 3's form. Absent: that form does not have it. */
  readonly traefik3?: InTraefik3
  /** Compiles values in rules given as data. Absent: such rules cannot have the matcher. */
  readonly data?: CompileMatcher
  /**
   * Compiles values in data under `any` and `not`, where that differs. There, a client is never redirected to another slash form,
   * because the path is only one alternative.
   */
  readonly nested?: CompileMatcher
  /** Whether the values in data mean the same in text of Traefik 1.7's form, so that the rule can be shown in that form. */
  readonly shownAsTraefik1: boolean
  /**
   * Whether data gives the values as an object, so that they are names and values by turns which must all hold. Otherwise the
   * values are alternatives.
   */
  readonly pairs?: boolean
  /** The part of the request that the matcher tests. */
  readonly fact?: 'host' | 'path'
}

interface InTraefik3 {
  readonly name?: string
  /** The least and the most values that the matcher takes in Traefik 3's form. */
  readonly values: readonly [least: number, most: number]
  readonly compile: CompileMatcher
}

const ONE = [1, 1] as const
const PAIR = [2, 2] as const
const ONE_OR_PAIR = [1, 2] as const

/** Describes a matcher that takes the same values with the same meaning in all forms. */
export function everywhere(compile: CompileMatcher, values: InTraefik3['values'] = ONE): Matcher {
  return { traefik1: compile, traefik3: { values, compile }, data: compile, shownAsTraefik1: true }
}

/** Describes a path modifier of Traefik 1.7. Traefik 3 has none in its rules. */
function modifier(traefik1: CompileMatcher, data = traefik1): Matcher {
  return { traefik1, data, shownAsTraefik1: true }
}

/**
 * Returns the table of built-in matchers, by their names in rule text. A new matcher is one row. Its key in data is the name with
 * a lower-case first letter. Data rules list and test their matchers in the order of this table.
 *
 * @param keepTrailingSlash see `matchPath`. Rules of Traefik 3's form always keep the slash.
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

/** The built-in matchers by name, where `Path:/a` matches `/a` only. */
export const BUILT_IN: ReadonlyMap<string, Matcher> = new Map(Object.entries(ourMatchers(true)))
/** The built-in matchers by name, where `Path:/a` matches `/a/` too. */
export const BUILT_IN_SLASH_TOLERANT: ReadonlyMap<string, Matcher> = new Map(
  Object.entries(ourMatchers(false)),
)
