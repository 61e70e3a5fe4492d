import type { ChainSource } from '../middlewares/middleware-kind.js'
import { MIDDLEWARES } from '../middlewares/middlewares.js'
import type { Frontend, RuleSpec } from '../model/config.js'
import type { Issue, IssueCode } from '../model/errors.js'
import type { Chain } from '../model/middleware.js'
import { type CompiledRule, type CompiledTerm, compileRule } from '../rules/compile-rule.js'
import type { MatcherTable } from '../rules/matchers.js'
import { compileRewrite, type Rewrite } from '../rules/path-modifiers.js'
import { joined, type RuleTree, termsOf } from '../rules/rule-tree.js'
import type { RoutedFrontend } from './routed-frontend.js'

/**
 * A frontend with all that the engine needs to serve its requests. The public interface shows only the fields of
 * `RoutedFrontend`.
 */
export interface CompiledFrontend extends RoutedFrontend {
  /** The frontend as the document defines it. */
  readonly config: Frontend
  /** The frontend's rules as one tree. All rules must hold. */
  readonly tree: RuleTree<CompiledTerm>
  /** The middlewares of the frontend. The engine compiles them. Undefined if there are none, or if they are not compiled yet. */
  chain: Chain | undefined
  /** Applies the path modifiers of the frontend's rules to a path. Undefined if the rules have no path modifiers. */
  readonly rewrite: ((path: string) => Rewrite) | undefined
  /**
   * Returns the path to redirect a client to (301), if the client's path differs from the rule's path only by a final slash.
   * Undefined if the frontend redirects no client.
   */
  readonly otherSlash: ((path: string) => string | undefined) | undefined
}

/**
 * Compiles one frontend of a document.
 *
 * @param issues gets an issue for everything that is wrong with the frontend. If it gets any, the result must not be used.
 */
export function compileFrontend(
  name: string,
  frontend: Frontend,
  matchers: MatcherTable,
  issues: Issue[],
): CompiledFrontend {
  const written = rulesOf(frontend)
  const rules = written.map((rule) => compileRule(rule, matchers, frontend.metadata))
  noteIssues(name, rules, issues)
  const tree = joined(
    'all',
    rules.flatMap((rule) => rule.tree ?? []),
  )
  const terms = termsOf(tree)
  const otherSlash = otherSlashOf(terms)
  noteMiddlewares({ name, config: frontend, otherSlash }, issues)
  return {
    name,
    backend: frontend.backend,
    priority: priorityOf(frontend, written, rules),
    rule: rules.map(({ text }) => text).join(' && '),
    config: frontend,
    tree,
    chain: undefined,
    rewrite: compileRewrite(terms.flatMap(({ modifier }) => modifier ?? [])),
    otherSlash,
  }
}

function noteIssues(name: string, rules: readonly CompiledRule[], issues: Issue[]): void {
  const isWrong = rules.some((rule) => rule.issues.length > 0)
  if (!isWrong && rules.length > 0) return
  const path = `frontends[${JSON.stringify(name)}]`
  for (const issue of rules.flatMap((rule) => rule.issues)) issues.push({ ...issue, path })
  if (rules.length > 0) return
  // A frontend without a rule is refused here, even though validation does so too. If a caller skipped validation, such a
  // frontend would take every request.
  issues.push({ path, code: 'MISSING_RULE', message: 'expected a rule, or routes with at least one entry' })
}

function rulesOf(frontend: Frontend) {
  if (frontend.rule !== undefined) return [frontend.rule]
  return Object.values(frontend.routes ?? {}).map(({ rule }) => rule)
}

/**
 * Returns the frontend's own priority, or the total length of its rules. As in Traefik, the length of a rule is that of its text
 * as written. For a rule given as data, it is the length of the canonical text. Priority 0 counts as absent, as in Traefik. A
 * negative priority counts as absent too, unless all rules are in Traefik 3's syntax.
 */
function priorityOf(
  { priority = 0 }: Frontend,
  written: readonly (string | RuleSpec)[],
  rules: readonly CompiledRule[],
): number {
  const mayBeNegative = rules.every(({ form }) => form === 'traefik3')
  if (priority > 0 || (priority < 0 && mayBeNegative)) return priority
  const lengthOf = (rule: string | RuleSpec, index: number) =>
    typeof rule === 'string' ? rule.length : (rules[index]?.text.length ?? 0)
  return written.reduce((sum, rule, index) => sum + lengthOf(rule, index), 0)
}

// Notes what is wrong with middlewares. Validation finds it too, but a caller may have skipped it, and middlewares guard.
function noteMiddlewares(source: ChainSource, issues: Issue[]): void {
  for (const row of MIDDLEWARES) {
    const config = row.of(source)
    const path = `frontends[${JSON.stringify(source.name)}].${row.field}`
    for (const { code, message } of config === undefined ? [] : (row.flaws?.(config) ?? []))
      issues.push({ path, code: code as IssueCode, message })
  }
}

function otherSlashOf(terms: readonly CompiledTerm[]): ((path: string) => string | undefined) | undefined {
  const tests = terms.flatMap(({ otherSlash }) => otherSlash ?? [])
  if (tests.length === 0) return undefined
  const otherOf = (path: string) =>
    tests.reduce<string | undefined>((other, test) => other ?? test(path), undefined)
  return (path) => {
    const other = otherOf(path)
    // If the target of the redirect would be redirected too, no redirect is sent. Where one rule wants `/a` and another `/a/`,
    // the client would be redirected back and forth without end.
    if (other === undefined || otherOf(other) !== undefined) return undefined
    // A path that begins with two slashes, or with a slash and a backslash, gets `/.` in front. Otherwise a browser would take
    // the `Location` header as the name of another host (RFC 3986, 4.2). A browser reads a backslash as a slash.
    return /^\/[/\\]/.test(other) ? `/.${other}` : other
  }
}
