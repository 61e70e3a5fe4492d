import type { AddressRange } from '../base/cidr.js'
import { type Issue, ProxyError } from '../model/errors.js'
import type { MatcherContext } from '../model/request-facts.js'
import type { Test } from './rule-tree.js'

/** A matcher with its values, compiled. */
export interface CompiledMatcher {
  readonly test: Test
  /**
   * The host names and paths that a request must have to pass the test. The router uses them to find frontends without testing
   * all rules.
   */
  readonly needs?: Needs | undefined
  /** The change that the matcher makes to the path of each request that it matches. Undefined if it makes none. */
  readonly modifier?: PathModifier | undefined
  /**
   * Returns the path to redirect a client to, if the client's path differs from the rule's path only by a final slash. Returns
   * undefined if the client needs no redirect.
   */
  readonly otherSlash?: ((path: string) => string | undefined) | undefined
  /** The ranges of client addresses that the matcher accepts. They make it possible to compare two rules. */
  readonly ranges?: readonly AddressRange[] | undefined
}

/**
 * Conditions on host and path that a request must meet to pass a test. If `hosts` or `wildcards` has entries, one of them must
 * match the request's host. If `paths` or `prefixes` has entries, one of them must match the request's path.
 */
export interface Needs {
  /** Host names that must be equal to the request's host. */
  readonly hosts?: readonly string[]
  /** Names that must follow the first label of the request's host: `example.com` stands for `*.example.com`. */
  readonly wildcards?: readonly string[]
  /** Paths that must be equal to the request's path. */
  readonly paths?: readonly string[]
  /** Texts with which the request's path must begin. */
  readonly prefixes?: readonly string[]
  /** Whether a request that meets the conditions on host and path always passes the test. Then the test can be skipped. */
  readonly whole: boolean
}

/** Changes the path of a request before a server gets the request. `apply` returns undefined if the path stays as it is. */
export interface PathModifier {
  /**
   * The modifiers of a frontend are applied in ascending order of this number, not in the order of the rule (as in Traefik 1.7).
   */
  readonly order: number
  readonly apply: (path: string) => RewrittenPath | undefined
}

/** The path that a modifier has made, and the header that tells the server of the change. */
export interface RewrittenPath {
  readonly path: string
  readonly header?: readonly [name: string, value: string]
}

/**
 * Compiles the values of a matcher. This happens once, when the rule is compiled.
 *
 * @param context what a matcher of the embedding application is told of the rule
 * @throws Error, or ProxyError with an issue for each bad value
 */
export type CompileMatcher = (values: readonly string[], context?: MatcherContext) => CompiledMatcher

/**
 * Parses all values of a matcher and reports every bad value. The `path` of each reported issue is the index of the bad value.
 */
export function eachValue<T>(
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
      // After this many issues, parsing stops. An operator does not read more, and a large hostile document could fill the memory
      // with issues.
      if (issues.length >= MAX_ISSUES) break
    }
  }
  if (issues.length > 0) {
    throw new ProxyError('PROXY_RULE_INVALID', issues.map(({ message }) => message).join('; '), { issues })
  }
  return parsed
}

/** The most problems (issues) that are reported for one matcher, and for one rule. */
export const MAX_ISSUES = 100
