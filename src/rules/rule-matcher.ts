import { describeValue, quote } from '../base/messages.js'
import type { RuleSpec } from '../model/config.js'
import { ProxyError } from '../model/errors.js'
import type { Metadata } from '../model/metadata.js'
import type { RequestFacts } from '../model/request-facts.js'
import { type CompiledTerm, compileRule } from './compile-rule.js'
import { textOf } from './format-rule.js'
import { checkMatcherOptions, type MatcherOptions, type MatcherTable, matcherTable } from './matchers.js'
import { answerOf, holds, type RuleTree, termsOf } from './rule-tree.js'

/**
 * Explains why a rule holds for a request or not, by the answer of each matcher in the rule.
 *
 * @example
 * ```ts
 * const { matches, matchers } = new RuleMatcher('Host:a.example.com;Method:GET').explain(facts)
 * if (!matches) console.log(matchers.filter((one) => !one.matches).map(({ matcher }) => matcher))
 * ```
 */
export interface RuleExplanation {
  /** Whether the rule holds for the request. */
  readonly matches: boolean
  /**
   * True if the rule's answer is unknown, so neither true nor false. Then the rule does not hold. Absent if the answer is known.
   */
  readonly unknown?: true
  /** The rule's canonical text, as `formatRule` returns it. */
  readonly rule: string
  /** The matchers in the order of the rule's text. Under `!`, `matches` is the matcher's answer before the negation. */
  readonly matchers: readonly {
    /** The matcher's name, for example `Host`. */
    readonly matcher: string
    /** The matcher's values, as written in the rule. */
    readonly values: readonly string[]
    /** Whether the matcher's test holds for the request. */
    readonly matches: boolean
    /**
     * True if the matcher's answer is unknown, for example for `ClientIP` if the client has no address. Absent if the answer is
     * known.
     */
    readonly unknown?: true
  }[]
  /** The explanation as text: a line for the rule, then a line for each matcher. */
  readonly text: string
}

/** Options of a rule that is compiled on its own, without a document. */
export interface RuleMatcherOptions extends MatcherOptions {
  /** The labels of the frontend that the rule would stand in, for matchers of the embedding application. @default none */
  readonly metadata?: Metadata
}

/**
 * A compiled rule. It opens no socket and reads no clock, so the same facts always get the same answer.
 *
 * @example
 * ```ts
 * const rule = new RuleMatcher('Host:admin.example.com;ClientIP:10.0.0.0/8')
 * rule.matches({
 *   method: 'GET',
 *   host: 'admin.example.com',
 *   path: '/',
 *   query: '',
 *   headers: {},
 *   clientAddress: '10.1.2.3',
 * }) // true
 * ```
 */
export class RuleMatcher {
  /**
   * The rule's canonical text, in the syntax in which the rule was given. A rule given as data is written in Traefik 1.7's
   * syntax. If that syntax cannot express the rule, it is written in Traefik 3's syntax.
   */
  readonly rule: string
  readonly #tree: RuleTree<CompiledTerm>
  readonly #matchers: MatcherTable

  /**
   * Compiles a rule.
   *
   * @param rule the rule as text in Traefik 1.7's or Traefik 3's syntax, or as data
   * @param options the matchers of the embedding application, the meaning of a slash at the end of a path, and labels
   * @throws ProxyError `PROXY_RULE_INVALID` with an issue for everything that is wrong with the rule
   * @throws ProxyError `PROXY_OPTION_INVALID` for an unknown option, or for a matcher of the application whose name is taken or
   *   malformed
   * @example
   * ```ts
   * new RuleMatcher('Host:a.example.com,b.example.com;PathPrefix:/api') // Traefik 1.7
   * new RuleMatcher('Host(`a.example.com`) && !ClientIP(`10.0.0.0/8`)') // Traefik 3
   * new RuleMatcher({ host: 'a.example.com', not: { clientIp: '10.0.0.0/8' } }) // data
   * ```
   */
  constructor(rule: string | RuleSpec, options: RuleMatcherOptions = {}) {
    if (typeof rule !== 'string' && (typeof rule !== 'object' || rule === null || Array.isArray(rule))) {
      throw new ProxyError(
        'PROXY_RULE_INVALID',
        `expected a rule as text or data, found ${describeValue(rule)}`,
      )
    }
    checkMatcherOptions(options, 'RuleMatcher', ['metadata'])
    this.#matchers = matcherTable(options)
    const { tree, text, issues } = compileRule(rule, this.#matchers, options.metadata)
    if (!tree) {
      const reasons = issues.map(({ message }) => message).join('; ')
      throw new ProxyError('PROXY_RULE_INVALID', `rule ${shownRule(rule)}: ${reasons}`, { issues })
    }
    this.#tree = tree
    this.rule = text
  }

  /**
   * Returns whether the rule holds for a request. It returns false if the answer is unknown.
   *
   * @throws the error that a matcher of the embedding application throws
   */
  matches(facts: RequestFacts): boolean {
    return holds(this.#tree, facts)
  }

  /**
   * Returns the answer of the rule, and the answer of each matcher in the rule.
   *
   * @throws the error that a matcher of the embedding application throws
   * @example
   * ```ts
   * for (const { matcher, values, matches } of rule.explain(facts).matchers) {
   *   console.log(matches ? 'yes' : 'no', matcher, ...values)
   * }
   * ```
   */
  explain(facts: RequestFacts): RuleExplanation {
    const whole = answered(answerOf(this.#tree, facts))
    const holding = whole.matches
      ? 'holds'
      : whole.unknown
        ? 'does not hold, because it is unknown'
        : 'does not hold'
    const lines = [`${holding}: ${this.rule}`]
    const matchers = termsOf(this.#tree).map((term) => {
      const answer = answered(answerOf(term, facts))
      const said = answer.matches ? 'yes' : answer.unknown ? 'unknown' : 'no'
      lines.push(`  ${said}: ${textOf(term, term.form, this.#matchers)}`)
      return { matcher: term.matcher, values: term.values, ...answer }
    })
    return { ...whole, rule: this.rule, matchers, text: lines.join('\n') }
  }
}

function answered(answer: boolean | undefined): { readonly matches: boolean; readonly unknown?: true } {
  return answer === undefined ? { matches: false, unknown: true } : { matches: answer }
}

/** Returns a rule for an error message: as it was given, in quotes. */
function shownRule(rule: string | RuleSpec): string {
  if (typeof rule === 'string') return quote(rule)
  try {
    return quote(JSON.stringify(rule))
  } catch {
    // `JSON.stringify` throws if the rule contains itself. Such a rule has no text that could be shown.
    return 'as data'
  }
}

/**
 * Returns a rule's canonical text, in the syntax in which the rule was given. It has no unneeded blanks or empty parts, and each
 * matcher's name is spelt as declared. A rule given as data is written in Traefik 1.7's syntax, or in Traefik 3's syntax if the
 * first cannot express the rule. Equal rules given as data have equal texts, whatever the order of their keys.
 *
 * @throws ProxyError `PROXY_RULE_INVALID` with an issue for everything that is wrong with the rule
 * @throws ProxyError `PROXY_OPTION_INVALID` for an unknown option, or for a matcher of the application whose name is taken or
 *   malformed
 * @example
 * ```ts
 * formatRule('Host: a.example.com ;; PathPrefix:/api') // 'Host:a.example.com;PathPrefix:/api'
 * formatRule({ path: '/', host: 'a.example.com' }) // 'Host:a.example.com;Path:/'
 * ```
 */
export function formatRule(rule: string | RuleSpec, options: MatcherOptions = {}): string {
  return new RuleMatcher(rule, options).rule
}
