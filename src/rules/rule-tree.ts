import type { RequestFacts } from '../model/request-facts.js'

/** One matcher of a rule, as it was written. */
export interface RuleTerm {
  readonly kind: 'term'
  readonly matcher: string
  readonly values: readonly string[]
  /**
   * The position in the rule's text where the name begins, from 0. `valuesAt` has those of the values. A rule given as data has
   * no positions.
   */
  readonly at?: number
  readonly valuesAt?: readonly number[]
}

/**
 * A rule as a tree: matchers under "and", "or" and "not". Every form of a rule is parsed to it. A compiled rule is the same tree
 * with compiled matchers.
 */
export type RuleTree<T extends RuleTerm = RuleTerm> = T | RuleBranch<T>

type RuleBranch<T extends RuleTerm> =
  | { readonly kind: 'all' | 'any'; readonly parts: readonly RuleTree<T>[] }
  | { readonly kind: 'not'; readonly part: RuleTree<T> }

/** Joins several parts to one tree. A single part stays as it is. */
export function joined<T extends RuleTerm>(kind: 'all' | 'any', parts: readonly RuleTree<T>[]): RuleTree<T> {
  const [only] = parts
  return only !== undefined && parts.length === 1 ? only : { kind, parts }
}

/** Returns every matcher in a tree, in the order of its text. */
export function termsOf<T extends RuleTerm>(tree: RuleTree<T>): readonly T[] {
  if (tree.kind === 'term') return [tree]
  if (tree.kind === 'not') return termsOf(tree.part)
  return tree.parts.flatMap((part) => termsOf(part))
}

/** Returns the parts of a rule that must all hold. */
export function conjunctsOf<T extends RuleTerm>(tree: RuleTree<T>): readonly RuleTree<T>[] {
  return tree.kind === 'all' ? tree.parts.flatMap((part) => conjunctsOf(part)) : [tree]
}

/** Returns the same tree with other matchers, or undefined if `change` returns undefined for one of them. */
export function mapTerms<T extends RuleTerm, U extends RuleTerm>(
  tree: RuleTree<T>,
  change: (term: T) => U | undefined,
): RuleTree<U> | undefined {
  if (tree.kind === 'term') return change(tree)
  if (tree.kind === 'not') {
    const part = mapTerms(tree.part, change)
    return part && { kind: 'not', part }
  }
  // All parts are visited even after one has failed, because `change` notes the problem of each.
  const parts = tree.parts.map((part) => mapTerms(part, change))
  return parts.every((part) => part !== undefined) ? { kind: tree.kind, parts } : undefined
}

/** The form in which a rule was given: text of Traefik 1.7, text of Traefik 3, or data. */
export type RuleForm = 'traefik1' | 'traefik3' | 'data'

/** Something in a rule that does not parse. */
export interface RuleProblem {
  /** The position in the rule's text, from 0. Absent: the problem has no position. */
  readonly at?: number
  readonly message: string
  readonly code: 'INVALID_RULE' | 'INVALID_RANGE'
}

/** A parsed rule whose matchers were not looked up yet. If there are problems, the tree is what could be read. */
export interface ParsedRule {
  readonly form: RuleForm
  readonly tree?: RuleTree
  readonly problems: readonly RuleProblem[]
}

/** The keys of a data rule whose values are rules. */
export const COMBINING_KEYS: readonly string[] = ['any', 'not']

/** Tests the facts of a request. Undefined means unknown, neither true nor false. */
export type Test = (facts: RequestFacts) => boolean | undefined

/** Decides whether a frontend gets a request. An unknown answer counts as false. */
export type Decision = (facts: RequestFacts) => boolean

/** A matcher that can be tested. */
export type TestTerm = RuleTerm & { readonly test: Test }

/** Returns whether a rule holds for a request. An unknown answer does not count as holding. */
export function holds(tree: RuleTree<TestTerm>, facts: RequestFacts): boolean {
  return answerOf(tree, facts) === true
}

/**
 * Returns a rule's answer by Kleene's three-valued logic. Undefined means unknown: `ClientIP` for a client without an address, or
 * a host's own matcher that returns neither true nor false, such as a promise. An unknown rule does not hold, and neither does
 * its negation. Otherwise `!` in front of such a rule would let every client through.
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

/** Returns the smallest part of a rule that does not hold for a request, or undefined if the rule holds. */
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
