import { onlyKnownOptions } from '../base/known-options.js'
import { ProxyError } from '../model/errors.js'
import { onRejected } from '../model/rejections.js'
import type { MatcherFactory } from '../model/request-facts.js'
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
import type { Test } from './rule-tree.js'
import { COMBINING_KEYS } from './rule-tree.js'

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

/**
 * The built-in matchers and the host's own, by name. It is a `Map` because names come from documents, which may say `__proto__`.
 */
export type MatcherTable = ReadonlyMap<string, Matcher>

const ONE = [1, 1] as const
const PAIR = [2, 2] as const
const ONE_OR_PAIR = [1, 2] as const

/** Describes a matcher that takes the same values with the same meaning in all forms. */
function everywhere(compile: CompileMatcher, values: InTraefik3['values'] = ONE): Matcher {
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

const BUILT_IN = new Map(Object.entries(ourMatchers(true)))
const BUILT_IN_SLASH_TOLERANT = new Map(Object.entries(ourMatchers(false)))

/** What rules may use, and how they read a slash at the end of a path. */
export interface MatcherOptions {
  /**
   * The host's own matchers, by name. A name begins with a capital and has letters and digits only. Rules use it in every form:
   * `Tenant:acme`, ``Tenant(`acme`)`` and `{ tenant: 'acme' }`.
   *
   * @default {}
   * @example
   * ```ts
   * const matchers: Record<string, MatcherFactory> = {
   *   Tenant: (names) => ({ headers }) => names.includes(String(headers['x-tenant'])),
   * }
   * new RuleMatcher('Tenant:acme', { matchers })
   * ```
   */
  readonly matchers?: Readonly<Record<string, MatcherFactory>>
  /**
   * Whether `Path:/a` matches `/a` only. If false, it matches `/a/` too, and the proxy redirects the client to `/a` by 301. False
   * is Traefik 1.7's default (`keepTrailingSlash`). Rules of Traefik 3's form are not affected.
   *
   * @default true
   */
  readonly keepTrailingSlash?: boolean
}

/**
 * Returns the matchers that rules may use.
 *
 * @throws ProxyError `PROXY_OPTION_INVALID` if a name of the host's own matchers is taken, or cannot stand in a rule
 */
export function matcherTable({ matchers = {}, keepTrailingSlash = true }: MatcherOptions = {}): MatcherTable {
  const builtIn = keepTrailingSlash ? BUILT_IN : BUILT_IN_SLASH_TOLERANT
  const own = Object.entries(matchers)
  if (own.length === 0) return builtIn
  const seen = new Set<string>()
  for (const [name] of own) {
    checkName(name)
    // Traefik 3's form and data accept a matcher's name in other cases too.
    if (seen.has(name.toLowerCase())) {
      throw new ProxyError('PROXY_OPTION_INVALID', `matchers.${name}: another one differs by case alone`)
    }
    seen.add(name.toLowerCase())
  }
  return new Map([...builtIn, ...own.map(([name, factory]) => [name, ownMatcher(factory)] as const)])
}

/**
 * Refuses unknown options. Callers in plain JavaScript have no compiler that does.
 *
 * @throws ProxyError `PROXY_OPTION_INVALID` that names the unknown option
 */
export function checkMatcherOptions(options: MatcherOptions, where: string): void {
  onlyKnownOptions(options, ['matchers', 'keepTrailingSlash'], `${where}: `)
}

/** Returns whether a table has none of the host's own matchers. */
export function isBuiltIn(table: MatcherTable): boolean {
  return table === BUILT_IN || table === BUILT_IN_SLASH_TOLERANT
}

function checkName(name: string): void {
  if (TAKEN.has(name.toLowerCase())) {
    throw new ProxyError('PROXY_OPTION_INVALID', `matchers.${name}: Switchover has a matcher of this name`)
  }
  if (/^[A-Z][A-Za-z0-9]*$/.test(name)) return
  const message = `matchers.${name}: expected a name like "Tenant": a capital, then letters and digits`
  throw new ProxyError('PROXY_OPTION_INVALID', message)
}

const TAKEN = new Set(
  [...[...BUILT_IN].flatMap(([name, { traefik3 }]) => [name, traefik3?.name ?? name]), ...COMBINING_KEYS].map(
    (name) => name.toLowerCase(),
  ),
)

function ownMatcher(factory: MatcherFactory): Matcher {
  const compile: CompileMatcher = (values) => {
    const test: unknown = factory(values)
    if (typeof test === 'function') return { test: answering(test as ReturnType<MatcherFactory>) }
    throw new Error('the matcher did not compile to a function')
  }
  return everywhere(compile, [1, Number.POSITIVE_INFINITY])
}

/**
 * Wraps a test of the host's own so that an answer other than true and false is unknown. A promise is unknown too. Its rejection
 * is caught here, because an unhandled one would end the process.
 */
function answering(test: ReturnType<MatcherFactory>): Test {
  return (facts) => {
    const answer: unknown = test(facts)
    if (typeof answer === 'boolean') return answer
    onRejected(answer, () => {})
    return undefined
  }
}
