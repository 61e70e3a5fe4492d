import { onlyKnownOptions } from '../base/known-options.js'
import { describeValue } from '../base/messages.js'
import { ProxyError } from '../model/errors.js'
import { NO_METADATA } from '../model/metadata.js'
import { onRejected } from '../model/rejections.js'
import type { MatcherFactory } from '../model/request-facts.js'
import { BUILT_IN, BUILT_IN_SLASH_TOLERANT, everywhere, type Matcher } from './built-in-matchers.js'
import type { CompileMatcher } from './compiled-matcher.js'
import type { Test } from './rule-tree.js'
import { COMBINING_KEYS } from './rule-tree.js'

/**
 * The matchers that rules may use, by name: the built-in ones and those of the embedding application. It is a `Map`, because a
 * document may use the name `__proto__`.
 */
export type MatcherTable = ReadonlyMap<string, Matcher>

/** Options for rules: additional matchers, and the meaning of a slash at the end of a path. */
export interface MatcherOptions {
  /**
   * Matchers that the embedding application adds, by name. A name begins with a capital letter and has only letters and digits.
   * Rules of every syntax can use the name: `Tenant:acme`, ``Tenant(`acme`)`` and `{ tenant: 'acme' }`.
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
   * Whether `Path:/a` matches `/a` only. If false, it matches `/a/` too, and the proxy redirects the client from `/a/` to `/a`
   * with status 301. False is the default of Traefik 1.7's option `keepTrailingSlash`. Rules in Traefik 3's syntax always match
   * `/a` only.
   *
   * @default true
   */
  readonly keepTrailingSlash?: boolean
}

/**
 * Returns the table of all matchers that rules may use.
 *
 * @throws ProxyError `PROXY_OPTION_INVALID` if the name of a matcher of the embedding application is taken, or cannot be used in
 *   a rule
 */
export function matcherTable({ matchers = {}, keepTrailingSlash = true }: MatcherOptions = {}): MatcherTable {
  const builtIn = keepTrailingSlash ? BUILT_IN : BUILT_IN_SLASH_TOLERANT
  const own = Object.entries(matchers)
  if (own.length === 0) return builtIn
  const seen = new Set<string>()
  for (const [name] of own) {
    checkName(name)
    // Two names must not differ only in case, because Traefik 3's syntax and data accept a matcher's name in several cases.
    if (seen.has(name.toLowerCase())) {
      throw new ProxyError(
        'PROXY_OPTION_INVALID',
        `matchers.${name}: the name of another matcher differs only in case`,
      )
    }
    seen.add(name.toLowerCase())
  }
  return new Map([...builtIn, ...own.map(([name, factory]) => [name, ownMatcher(factory)] as const)])
}

/**
 * Refuses unknown options. A caller in plain JavaScript has no compiler that would find them.
 *
 * @param more the names of further options that are known there
 * @throws ProxyError `PROXY_OPTION_INVALID` that names the unknown option
 */
export function checkMatcherOptions(
  options: MatcherOptions,
  where: string,
  more: readonly string[] = [],
): void {
  onlyKnownOptions(options, ['matchers', 'keepTrailingSlash', ...more], `${where}: `)
}

/** Returns whether a table of matchers has only built-in ones, and none of the embedding application. */
export function isBuiltIn(table: MatcherTable): boolean {
  return table === BUILT_IN || table === BUILT_IN_SLASH_TOLERANT
}

function checkName(name: string): void {
  if (TAKEN.has(name.toLowerCase())) {
    throw new ProxyError('PROXY_OPTION_INVALID', `matchers.${name}: a built-in matcher has this name`)
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
  const compile: CompileMatcher = (values, context = { metadata: NO_METADATA }) => {
    const test: unknown = factory(values, context)
    if (typeof test === 'function') return { test: answering(test as ReturnType<MatcherFactory>) }
    // The rejection of a promise would end the process.
    onRejected(test, () => {})
    throw new Error(`expected its factory to return a function, found ${describeValue(test)}`)
  }
  return everywhere(compile, [1, Number.POSITIVE_INFINITY])
}

/**
 * Wraps the test of a matcher that the embedding application supplies. If the test returns neither true nor false (a promise, for
 * example), the answer is unknown. The promise's rejection is caught here, because an unhandled rejection would end the process.
 */
function answering(test: ReturnType<MatcherFactory>): Test {
  return (facts) => {
    const answer: unknown = test(facts)
    if (typeof answer === 'boolean') return answer
    onRejected(answer, () => {})
    return undefined
  }
}
