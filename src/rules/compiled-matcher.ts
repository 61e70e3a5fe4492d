import type { AddressRange } from '../base/cidr.js'
import { type Issue, ProxyError } from '../model/errors.js'
import type { Test } from './rule-tree.js'

/** A matcher and its values, compiled. */
export interface CompiledMatcher {
  readonly test: Test
  /** The conditions that a request must meet for the test to hold. The router finds frontends by them. */
  readonly needs?: Needs | undefined
  /** The change that the matcher makes to the path of the requests that it matches. */
  readonly modifier?: PathModifier | undefined
  /**
   * Returns the path to redirect a client to that asked for the other slash form. It returns undefined if the client asked for
   * the right form.
   */
  readonly otherSlash?: ((path: string) => string | undefined) | undefined
  /** The ranges of client addresses that the matcher accepts, so that two rules can be compared. */
  readonly ranges?: readonly AddressRange[] | undefined
}

/**
 * Conditions that a request must meet for a test to hold. A host condition is met by one of `hosts` or `wildcards`, a path
 * condition by one of `paths` or `prefixes`.
 */
export interface Needs {
  /** Hosts, exactly as given. */
  readonly hosts?: readonly string[]
  /** Hosts with any one label in front: `example.com` stands for `*.example.com`. */
  readonly wildcards?: readonly string[]
  /** Paths, exactly as given. */
  readonly paths?: readonly string[]
  /** Paths that begin with one of these texts. */
  readonly prefixes?: readonly string[]
  readonly whole: boolean
}

/** Changes the path of a request before it goes to a server. `apply` returns undefined if it changes nothing. */
export interface PathModifier {
  /** The modifiers of a frontend work in ascending order of this number, whatever their order in the rule (Traefik 1.7). */
  readonly order: number
  readonly apply: (path: string) => RewrittenPath | undefined
}

/** The path that a modifier made, and a header that tells the server of the change. */
export interface RewrittenPath {
  readonly path: string
  readonly header?: readonly [name: string, value: string]
}

/**
 * Compiles the values of a matcher, once for each rule.
 *
 * @throws Error, or ProxyError with an issue for each bad value
 */
export type CompileMatcher = (values: readonly string[]) => CompiledMatcher

/** Parses every value and reports every bad one. The path of an issue is the index of its value. */
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
      // An operator does not read more issues, and those of a large hostile document would fill the memory.
      if (issues.length >= MAX_ISSUES) break
    }
  }
  if (issues.length > 0) {
    throw new ProxyError('PROXY_RULE_INVALID', issues.map(({ message }) => message).join('; '), { issues })
  }
  return parsed
}

/** The most issues of one matcher, and of one rule. */
export const MAX_ISSUES = 100
