import { onlyKnownOptions } from '../base/known-options.js'
import { describeValue } from '../base/messages.js'
import { ProxyError } from '../model/errors.js'
import { onRejected } from '../model/rejections.js'
import type { MatcherFactory } from '../model/request-facts.js'
import { BUILT_IN, BUILT_IN_SLASH_TOLERANT, everywhere, type Matcher } from './built-in-matchers.js'
import type { CompileMatcher } from './compiled-matcher.js'
import type { Test } from './rule-tree.js'
import { COMBINING_KEYS } from './rule-tree.js'

/**
 * The built-in matchers and the host's own, by name. It is a `Map` because names come from documents, which may say `__proto__`.
 */
export type MatcherTable = ReadonlyMap<string, Matcher>

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
  const compile: CompileMatcher = (values) => {
    const test: unknown = factory(values)
    if (typeof test === 'function') return { test: answering(test as ReturnType<MatcherFactory>) }
    throw new Error(`expected its factory to return a function, found ${describeValue(test)}`)
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
