import type { RequestFacts } from '../model/request-facts.js'

/** One matcher of a rule with its values, as written in the rule. */
export interface RuleTerm {
  readonly kind: 'term'
  readonly matcher: string
  readonly values: readonly string[]
  /**
   * The position in the rule's text where the matcher's name begins, from 0. `valuesAt` has the positions of the values. A rule
   * given as data has no positions.
   */
  readonly at?: number
  readonly valuesAt?: readonly number[]
}

/**
 * A rule as a tree: matchers joined by "and", "or" and "not". A rule of any syntax is parsed to such a tree. A compiled rule is
 * the same tree with compiled matchers.
 */
export type RuleTree<T extends RuleTerm = RuleTerm> = T | RuleBranch<T>

type RuleBranch<T extends RuleTerm> =
  | { readonly kind: 'all' | 'any'; readonly parts: readonly RuleTree<T>[] }
  | { readonly kind: 'not'; readonly part: RuleTree<T> }

/** Joins parts of a rule by "and" (`all`) or by "or" (`any`). A single part is returned as it is. */
export function joined<T extends RuleTerm>(kind: 'all' | 'any', parts: readonly RuleTree<T>[]): RuleTree<T> {
  const [only] = parts
  return only !== undefined && parts.length === 1 ? only : { kind, parts }
}

/** Returns all matchers of a rule, in the order of the rule's text. */
export function termsOf<T extends RuleTerm>(tree: RuleTree<T>): readonly T[] {
  if (tree.kind === 'term') return [tree]
  if (tree.kind === 'not') return termsOf(tree.part)
  return tree.parts.flatMap((part) => termsOf(part))
}

/** Splits a rule at each "and" of its top level. Returns the parts, which must all hold. */
export function conjunctsOf<T extends RuleTerm>(tree: RuleTree<T>): readonly RuleTree<T>[] {
  return tree.kind === 'all' ? tree.parts.flatMap((part) => conjunctsOf(part)) : [tree]
}

/**
 * Returns a copy of a tree in which `change` has replaced each matcher. Returns undefined if `change` returns undefined for a
 * matcher.
 */
export function mapTerms<T extends RuleTerm, U extends RuleTerm>(
  tree: RuleTree<T>,
  change: (term: T) => U | undefined,
): RuleTree<U> | undefined {
  if (tree.kind === 'term') return change(tree)
  if (tree.kind === 'not') {
    const part = mapTerms(tree.part, change)
    return part && { kind: 'not', part }
  }
  // All parts are visited even after `change` has failed for one, because `change` records the problem of each part.
  const parts = tree.parts.map((part) => mapTerms(part, change))
  return parts.every((part) => part !== undefined) ? { kind: tree.kind, parts } : undefined
}

/** The syntax in which a rule was given: text of Traefik 1.7, text of Traefik 3, or data (an object). */
export type RuleForm = 'traefik1' | 'traefik3' | 'data'

/** An error in a rule, found when the rule is parsed or compiled. */
export interface RuleProblem {
  /** The position of the error in the rule's text, from 0. Undefined if the error has no position. */
  readonly at?: number
  readonly message: string
  readonly code: 'INVALID_RULE' | 'INVALID_RANGE'
}

/** A parsed rule whose matchers have not been looked up yet. If there are problems, `tree` has the parts that could be read. */
export interface ParsedRule {
  readonly form: RuleForm
  readonly tree?: RuleTree
  readonly problems: readonly RuleProblem[]
}

/** In a rule given as data, these keys have values that are rules themselves. */
export const COMBINING_KEYS: readonly string[] = ['any', 'not']

/** Tests the facts of a request. Returns undefined if the answer is unknown, so neither true nor false. */
export type Test = (facts: RequestFacts) => boolean | undefined

/** Decides whether a frontend gets a request. An answer that is unknown counts as false here. */
export type Decision = (facts: RequestFacts) => boolean

/** A matcher of a rule, with the function that tests a request. */
export type TestTerm = RuleTerm & { readonly test: Test }

/** Returns whether a rule holds for a request. If the answer is unknown, the rule does not hold. */
export function holds(tree: RuleTree<TestTerm>, facts: RequestFacts): boolean {
  return answerOf(tree, facts) === true
}

/**
 * Returns a rule's answer by Kleene's three-valued logic. Undefined means unknown, for example `ClientIP` for a client without an
 * address. A matcher of the embedding application is unknown if it returns neither true nor false, but a promise, for example. If
 * a rule is unknown, neither the rule nor its negation holds. Otherwise `!` in front of such a rule would let every client
 * through.
 */
export function answerOf(tree: RuleTree<TestTerm>, facts: RequestFacts): boolean | undefined {
  if (tree.kind === 'term') {
    const answer: unknown = tree.test(facts)
    return typeof answer === 'boolean' ? answer : undefined
  }
  if (tree.kind === 'not') {
    const answer = answerOf(tree.part, facts)
    return answer === undefined ? undefined : !answer
  }
  const decisive = tree.kind === 'any'
  let whole: boolean | undefined = !decisive
  for (const part of tree.parts) {
    const answer = answerOf(part, facts)
    if (answer === decisive) return answer
    if (answer === undefined) whole = undefined
  }
  return whole
}

/** Returns the smallest part of a rule that keeps the rule from holding for a request. Returns undefined if the rule holds. */
export function refusalIn<T extends TestTerm>(
  tree: RuleTree<T>,
  facts: RequestFacts,
): RuleTree<T> | undefined {
  if (tree.kind !== 'all') return holds(tree, facts) ? undefined : tree
  for (const part of tree.parts) {
    const refusal = refusalIn(part, facts)
    if (refusal) return refusal
  }
  return undefined
}
