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

/** One matcher: in which forms of rules it may stand, and how its values are compiled there. */
export interface Matcher {
  /** In text of Traefik 1.7. */
  readonly traefik1?: CompileMatcher
  /** In text of Traefik 3, where it may have another name. */
  readonly traefik3?: InTraefik3
  /** In data. */
  readonly data?: CompileMatcher
  /** In data under `any` and `not`, if it is another there: no client is sent to the path of one alternative. */
  readonly nested?: CompileMatcher
  /** Whether its values in data mean the same in text of Traefik 1.7, so that they can be shown so. */
  readonly shownAsTraefik1: boolean
  /** Whether data gives its values as an object: names and values in turn, and all must hold. Else one must. */
  readonly pairs?: boolean
  /** What it looks at. */
  readonly fact?: 'host' | 'path'
}

interface InTraefik3 {
  readonly name?: string
  /** How many values it takes there, at least and at most. */
  readonly values: readonly [least: number, most: number]
  readonly compile: CompileMatcher
}

/** Matchers by name: ours, and the host's own. A `Map`, because names come from documents. */
export type MatcherTable = ReadonlyMap<string, Matcher>

const ONE = [1, 1] as const
const PAIR = [2, 2] as const
const ONE_OR_PAIR = [1, 2] as const

/** The same values and the same meaning in all forms. */
function everywhere(compile: CompileMatcher, values: InTraefik3['values'] = ONE): Matcher {
  return { traefik1: compile, traefik3: { values, compile }, data: compile, shownAsTraefik1: true }
}

/** A modifier of Traefik 1.7, which Traefik 3 has no word for in its rules. */
function modifier(traefik1: CompileMatcher, data = traefik1): Matcher {
  return { traefik1, data, shownAsTraefik1: true }
}

/**
 * The table of matchers: name in rule text to what it does. Adding one is adding a row; its key in data rules is the name
 * with a small first letter. Order here is the order of canonical text of data rules, and of their tests.
 *
 * @param keepTrailingSlash see `matchPath`; rules of Traefik 3's form always keep it
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

/** What a table of matchers is made of. */
export interface MatcherOptions {
  /** The host's own matchers, by name. */
  readonly matchers?: Readonly<Record<string, MatcherFactory>>
  /**
   * Whether a `Path` of a rule is itself alone. Default true. False is Traefik 1.7's default: who asks for the other slash
   * form of one is sent to it by 301. Rules of Traefik 3's form are not touched by it.
   */
  readonly keepTrailingSlash?: boolean
}

/**
 * The matchers that rules may use.
 *
 * @throws ProxyError `PROXY_OPTION_INVALID` for a matcher of the host's whose name is taken, or cannot stand in a rule
 */
export function matcherTable({ matchers = {}, keepTrailingSlash = true }: MatcherOptions = {}): MatcherTable {
  const builtIn = keepTrailingSlash ? BUILT_IN : BUILT_IN_SLASH_TOLERANT
  const own = Object.entries(matchers)
  if (own.length === 0) return builtIn
  const seen = new Set<string>()
  for (const [name] of own) {
    checkName(name)
    // Traefik 3's form and data take a name in other cases too.
    if (seen.has(name.toLowerCase())) {
      throw new ProxyError('PROXY_OPTION_INVALID', `matchers.${name}: another one differs by case alone`)
    }
    seen.add(name.toLowerCase())
  }
  return new Map([...builtIn, ...own.map(([name, factory]) => [name, ownMatcher(factory)] as const)])
}

/** For callers in plain JavaScript. @throws ProxyError `PROXY_OPTION_INVALID` for an option that there is not */
export function checkMatcherOptions(options: MatcherOptions, where: string): void {
  onlyKnownOptions(options, ['matchers', 'keepTrailingSlash'], `${where}: `)
}

/** Whether a table has none of the host's own matchers. */
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

/** Anything but true and false is unknown. A promise is too, and its rejection would end the process. */
function answering(test: ReturnType<MatcherFactory>): Test {
  return (facts) => {
    const answer: unknown = test(facts)
    if (typeof answer === 'boolean') return answer
    onRejected(answer, () => {})
    return undefined
  }
}
