import type { RequestFacts } from '../model/request-facts.js'

/** One matcher of a rule, as it was written. */
export interface RuleTerm {
  readonly kind: 'term'
  readonly matcher: string
  readonly values: readonly string[]
  /** Where the name, and each value, begins in the rule's text (from 0); absent for a rule given as data. */
  readonly at?: number
  readonly valuesAt?: readonly number[]
}

/** A rule: matchers under and, or, not. What every form of a rule is parsed to, and, with other leaves, compiled to. */
export type RuleTree<T extends RuleTerm = RuleTerm> = T | RuleBranch<T>

type RuleBranch<T extends RuleTerm> =
  | { readonly kind: 'all' | 'any'; readonly parts: readonly RuleTree<T>[] }
  | { readonly kind: 'not'; readonly part: RuleTree<T> }

/** Several parts as one tree; a single part is itself. */
export function joined<T extends RuleTerm>(kind: 'all' | 'any', parts: readonly RuleTree<T>[]): RuleTree<T> {
  const [only] = parts
  return only !== undefined && parts.length === 1 ? only : { kind, parts }
}

/** Every matcher in a tree, in the order of its text. */
export function termsOf<T extends RuleTerm>(tree: RuleTree<T>): readonly T[] {
  if (tree.kind === 'term') return [tree]
  if (tree.kind === 'not') return termsOf(tree.part)
  return tree.parts.flatMap((part) => termsOf(part))
}

/** What must hold, each part of it: a rule is all of these. */
export function conjunctsOf<T extends RuleTerm>(tree: RuleTree<T>): readonly RuleTree<T>[] {
  return tree.kind === 'all' ? tree.parts.flatMap((part) => conjunctsOf(part)) : [tree]
}

/** The same tree with other leaves; nothing if a leaf becomes nothing. */
export function mapTerms<T extends RuleTerm, U extends RuleTerm>(
  tree: RuleTree<T>,
  change: (term: T) => U | undefined,
): RuleTree<U> | undefined {
  if (tree.kind === 'term') return change(tree)
  if (tree.kind === 'not') {
    const part = mapTerms(tree.part, change)
    return part && { kind: 'not', part }
  }
  // All of them, though one may have failed: whoever changes them notes what is wrong with each.
  const parts = tree.parts.map((part) => mapTerms(part, change))
  return parts.every((part) => part !== undefined) ? { kind: tree.kind, parts } : undefined
}

/** In which of its forms a rule was given: text of Traefik 1.7, text of Traefik 3, or data. */
export type RuleForm = 'traefik1' | 'traefik3' | 'data'

/** Something in a rule that does not parse. */
export interface RuleProblem {
  /** Position in the rule's text, from 0; absent where it has none. */
  readonly at?: number
  readonly message: string
  readonly code: 'INVALID_RULE' | 'INVALID_RANGE'
}

/** What a rule says, without knowing what its matchers mean. With problems, the tree is what could be read. */
export interface ParsedRule {
  readonly form: RuleForm
  readonly tree?: RuleTree
  readonly problems: readonly RuleProblem[]
}

/** Keys of a data rule that hold rules, not values. */
export const COMBINING_KEYS: readonly string[] = ['any', 'not']

/** A test of a request's facts. Undefined: unknown, neither true nor false. */
export type Test = (facts: RequestFacts) => boolean | undefined

/** Whether a frontend gets a request. What is unknown has become false. */
export type Decision = (facts: RequestFacts) => boolean

/** A leaf that can be asked. */
export type TestTerm = RuleTerm & { readonly test: Test }

/** Whether a rule holds for a request: it is true, not unknown. */
export function holds(tree: RuleTree<TestTerm>, facts: RequestFacts): boolean {
  return answerOf(tree, facts) === true
}

/**
 * What a rule answers by Kleene's three-valued logic. Undefined is unknown: `ClientIP` of a client without an address, or a
 * matcher of the host's that answers by neither true nor false, a promise for example. An unknown rule does not hold, nor
 * does its contrary: else `!` in front of it would let everybody through.
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

/** The smallest part of a rule that keeps it from a request; nothing if it holds. */
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
