import type { RuleSpec } from '../model/config.js'
import { asError, type Issue, ProxyError } from '../model/errors.js'
import type { MatcherFactory, RequestFacts } from '../model/request-facts.js'
import { describeValue, quote } from './document-shapes.js'
import { LATER_MATCHERS, type MatcherTable, matcherTable } from './matchers.js'
import { suggestName } from './nearest-name.js'
import { type ParsedRule, parseRule, type RuleProblem, type RuleTerm, termsOfSpec } from './parse-rule.js'
import { Recent } from './recent.js'

/** One matcher of a compiled rule. */
export interface CompiledTerm {
  readonly matcher: string
  readonly values: readonly string[]
  readonly test: (facts: RequestFacts) => boolean
}

/** Why a rule holds or not: each of its matchers with its answer. */
export interface RuleExplanation {
  readonly matches: boolean
  readonly rule: string
  readonly matchers: readonly {
    readonly matcher: string
    readonly values: readonly string[]
    readonly matches: boolean
  }[]
}

/** A rule, compiled. No sockets, no clock: the same facts always get the same answer. */
export class RuleMatcher {
  /** The rule's canonical text. */
  readonly rule: string
  readonly #terms: readonly CompiledTerm[]

  /**
   * @param rule text in Traefik 1.7's form, or data
   * @param options.matchers the host's own matchers, by name
   * @throws ProxyError `PROXY_RULE_INVALID` with an issue for everything that is wrong with the rule
   */
  constructor(
    rule: string | RuleSpec,
    options: { matchers?: Readonly<Record<string, MatcherFactory>> } = {},
  ) {
    if (typeof rule !== 'string' && (typeof rule !== 'object' || rule === null || Array.isArray(rule))) {
      throw new ProxyError(
        'PROXY_RULE_INVALID',
        `expected a rule as text or data, found ${describeValue(rule)}`,
      )
    }
    const { terms, issues } = compileRule(rule, matcherTable(options?.matchers))
    if (issues.length > 0) {
      const shown = typeof rule === 'string' ? rule : JSON.stringify(rule)
      const reasons = issues.map(({ message }) => message).join('; ')
      throw new ProxyError('PROXY_RULE_INVALID', `rule ${JSON.stringify(shown)}: ${reasons}`, { issues })
    }
    this.#terms = terms
    this.rule = textOfTerms(terms)
  }

  /** Whether the rule holds for a request. */
  matches(facts: RequestFacts): boolean {
    return matchesAll(this.#terms, facts)
  }

  /** The answer of each matcher in the rule. */
  explain(facts: RequestFacts): RuleExplanation {
    const matchers = this.#terms.map(({ matcher, values, test }) => ({
      matcher,
      values,
      matches: test(facts) === true,
    }))
    return { matches: matchers.every((term) => term.matches), rule: this.rule, matchers }
  }
}

/** Whether all terms hold. */
export function matchesAll(terms: readonly CompiledTerm[], facts: RequestFacts): boolean {
  // A matcher of the host's that answers by anything but true, a promise for example, does not hold.
  for (const term of terms) if (term.test(facts) !== true) return false
  return true
}

/**
 * A rule's canonical text in Traefik 1.7's form. Equal rules have equal texts, however a data rule orders its keys.
 *
 * @throws ProxyError `PROXY_RULE_INVALID`
 */
export function formatRule(
  rule: string | RuleSpec,
  options: { matchers?: Readonly<Record<string, MatcherFactory>> } = {},
): string {
  return new RuleMatcher(rule, options).rule
}

export function textOfTerms(terms: readonly Pick<RuleTerm, 'matcher' | 'values'>[]): string {
  return terms.map(({ matcher, values }) => `${matcher}:${values.join(',')}`).join(';')
}

export interface CompiledRule {
  /** Canonical. */
  readonly text: string
  readonly terms: readonly CompiledTerm[]
  readonly issues: readonly Issue[]
}

/** Most rules of a configuration stand in the one before it too, and each is compiled to be checked and to be used. */
const recent = new Recent<CompiledRule>(20_000)
const MAX_KEPT_LENGTH = 1_000

/** Compiles a rule of either form. Issues have no path: whoever knows the document puts its own before them. */
export function compileRule(rule: string | RuleSpec, matchers: MatcherTable): CompiledRule {
  // The host's own matchers may count how often they are made; ours do not.
  const isKept = typeof rule === 'string' && rule.length <= MAX_KEPT_LENGTH && matchers === matcherTable()
  return isKept ? recent.get(rule, () => compileAnew(rule, matchers)) : compileAnew(rule, matchers)
}

function compileAnew(rule: string | RuleSpec, matchers: MatcherTable): CompiledRule {
  const parsed: ParsedRule =
    typeof rule === 'string' ? parseRule(rule) : termsOfSpec(rule, [...matchers.keys()])
  const problems: RuleProblem[] = [...parsed.problems]
  const terms: CompiledTerm[] = []
  for (const term of parsed.terms) {
    const test = compileTerm(term, matchers, problems)
    if (test) terms.push({ matcher: term.matcher, values: term.values, test })
  }
  return { text: textOfTerms(terms), terms, issues: problems.map(issueOf) }
}

function compileTerm(
  term: RuleTerm,
  matchers: MatcherTable,
  problems: RuleProblem[],
): CompiledTerm['test'] | undefined {
  const factory = matchers.get(term.matcher)
  if (!factory) {
    problems.push(unknownMatcher(term, matchers))
    return undefined
  }
  if (term.values.length === 0) {
    problems.push({
      ...positionOf(term.at),
      code: 'INVALID_RULE',
      message: `${term.matcher} has no value; expected at least one`,
    })
    return undefined
  }
  try {
    const test: unknown = factory(term.values)
    if (typeof test === 'function') return test as CompiledTerm['test']
    throw new Error('the matcher did not compile to a function')
  } catch (thrown) {
    const issues: readonly Partial<Issue>[] =
      thrown instanceof ProxyError && thrown.issues.length > 0
        ? thrown.issues
        : [{ message: asError(thrown).message }]
    for (const { path, code, message } of issues) {
      problems.push({
        ...positionOf(term.valuesAt?.[Number(path)] ?? term.at),
        code: code === 'INVALID_RANGE' ? code : 'INVALID_RULE',
        message: `${term.matcher}: ${message}`,
      })
    }
    return undefined
  }
}

function unknownMatcher({ matcher, at }: RuleTerm, matchers: MatcherTable): RuleProblem {
  const later = LATER_MATCHERS.find((name) => name.toLowerCase() === matcher.toLowerCase())
  if (later) {
    return {
      ...positionOf(at),
      code: 'NOT_SUPPORTED',
      message: `the matcher ${later} of Traefik is not supported yet`,
    }
  }
  const suggestion = suggestName(matcher, matchers.keys())
  return {
    ...positionOf(at),
    code: 'INVALID_RULE',
    message: `there is no matcher ${quote(matcher)}${suggestion}`,
  }
}

function positionOf(at: number | undefined): { at?: number } {
  return at === undefined ? {} : { at }
}

function issueOf({ at, code, message }: RuleProblem): Issue {
  return { path: '', code, message: at === undefined ? message : `at position ${at + 1}: ${message}` }
}
