import { describeValue, quote } from '../base/messages.js'
import type { RuleSpec } from '../model/config.js'
import { ProxyError } from '../model/errors.js'
import type { RequestFacts } from '../model/request-facts.js'
import { type CompiledTerm, compileRule } from './compile-rule.js'
import { textOf } from './format-rule.js'
import { checkMatcherOptions, type MatcherOptions, type MatcherTable, matcherTable } from './matchers.js'
import { answerOf, holds, type RuleTree, termsOf } from './rule-tree.js'

/** Why a rule holds or not: each of its matchers with its answer. */
export interface RuleExplanation {
  readonly matches: boolean
  /** Whether the answer is unknown: then the rule does not hold. Else absent. */
  readonly unknown?: true
  readonly rule: string
  /** In the order of the rule's text. Under `!`, the answer is the matcher's own. */
  readonly matchers: readonly {
    readonly matcher: string
    readonly values: readonly string[]
    readonly matches: boolean
    /** Whether its answer is unknown, as that of `ClientIP` is for a client without an address. Else absent. */
    readonly unknown?: true
  }[]
  /** The same in lines. */
  readonly text: string
}

/** A rule, compiled. No sockets, no clock: the same facts always get the same answer. */
export class RuleMatcher {
  /** The rule's canonical text, in the form of Traefik that it came in; of data, in that of 1.7 if it can be written so. */
  readonly rule: string
  readonly #tree: RuleTree<CompiledTerm>
  readonly #matchers: MatcherTable

  /**
   * @param rule text in the form of Traefik 1.7 or of Traefik 3, or data
   * @param options.matchers the host's own matchers, by name
   * @param options.keepTrailingSlash default true; false: `Path` holds for the other slash form too, as in Traefik 1.7
   * @throws ProxyError `PROXY_RULE_INVALID` with an issue for everything that is wrong with the rule
   */
  constructor(rule: string | RuleSpec, options: MatcherOptions = {}) {
    if (typeof rule !== 'string' && (typeof rule !== 'object' || rule === null || Array.isArray(rule))) {
      throw new ProxyError(
        'PROXY_RULE_INVALID',
        `expected a rule as text or data, found ${describeValue(rule)}`,
      )
    }
    checkMatcherOptions(options, 'RuleMatcher')
    this.#matchers = matcherTable(options)
    const { tree, text, issues } = compileRule(rule, this.#matchers)
    if (!tree) {
      const reasons = issues.map(({ message }) => message).join('; ')
      throw new ProxyError('PROXY_RULE_INVALID', `rule ${shownRule(rule)}: ${reasons}`, { issues })
    }
    this.#tree = tree
    this.rule = text
  }

  /** Whether the rule holds for a request. */
  matches(facts: RequestFacts): boolean {
    return holds(this.#tree, facts)
  }

  /** The answer of each matcher in the rule. */
  explain(facts: RequestFacts): RuleExplanation {
    const whole = answered(answerOf(this.#tree, facts))
    const holding = whole.matches
      ? 'holds'
      : whole.unknown
        ? 'does not hold, for it is unknown'
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

/** A rule that does not compile, as it was given. */
function shownRule(rule: string | RuleSpec): string {
  if (typeof rule === 'string') return quote(rule)
  try {
    return quote(JSON.stringify(rule))
  } catch {
    // One that holds itself.
    return 'as data'
  }
}

/**
 * A rule's canonical text, in the form that it came in: blanks and empty parts are gone, names are written as they are
 * declared. A rule given as data is shown in the form of Traefik 1.7, or, where that cannot say it, of Traefik 3. Equal
 * data rules have equal texts, however they order their keys.
 *
 * @throws ProxyError `PROXY_RULE_INVALID`
 */
export function formatRule(rule: string | RuleSpec, options: MatcherOptions = {}): string {
  return new RuleMatcher(rule, options).rule
}
