import type { AddressRange } from '../base/cidr.js'
import { type Issue, ProxyError } from '../model/errors.js'
import type { Test } from './rule-tree.js'

/** A matcher with its values, compiled. */
export interface CompiledMatcher {
  readonly test: Test
  /** What must be so for the test to hold; the router looks frontends up by it. */
  readonly needs?: Needs | undefined
  /** What the matcher does to the path of the requests that it lets through. */
  readonly modifier?: PathModifier | undefined
  /** The path to which a client is sent that asks for the other slash form of one; nothing if it asks for the right one. */
  readonly otherSlash?: ((path: string) => string | undefined) | undefined
  /** Of client addresses, for whoever compares two rules. */
  readonly ranges?: readonly AddressRange[] | undefined
}

/** Necessary conditions. With `whole`, they are sufficient too, and whoever has looked them up need not test. */
export interface Needs {
  /** One of these hosts. */
  readonly hosts?: readonly string[]
  /** Or one label before one of these: `example.com` stands for `*.example.com`. */
  readonly wildcards?: readonly string[]
  /** One of these paths. */
  readonly paths?: readonly string[]
  /** Or a path that begins with one of these. */
  readonly prefixes?: readonly string[]
  readonly whole: boolean
}

/** Changes the path of a request before it goes to a server; nothing if there is nothing to change. */
export interface PathModifier {
  /** Modifiers work in this order, whatever their order in a rule (Traefik 1.7). */
  readonly order: number
  readonly apply: (path: string) => RewrittenPath | undefined
}

/** What a modifier made of a path, and what tells the server of it. */
export interface RewrittenPath {
  readonly path: string
  readonly header?: readonly [name: string, value: string]
}

/** Compiles the values of a matcher, once. @throws Error, or ProxyError with an issue for each bad value */
export type CompileMatcher = (values: readonly string[]) => CompiledMatcher

/** Parses every value, and reports every bad one: an issue's path is the value's index. */
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
      // Nobody reads more, and a large hostile document would fill the memory with them.
      if (issues.length >= MAX_ISSUES) break
    }
  }
  if (issues.length > 0) {
    throw new ProxyError('PROXY_RULE_INVALID', issues.map(({ message }) => message).join('; '), { issues })
  }
  return parsed
}

/** Of one matcher, and of one rule. */
export const MAX_ISSUES = 100
