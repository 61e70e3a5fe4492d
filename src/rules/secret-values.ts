import type { RuleSpec } from '../model/config.js'
import { type RuleTerm, type RuleTree, termsOf } from './rule-tree.js'

/** Names of headers, and of keys of a query, that say who asks. */
const SECRET_NAME = /auth|cookie|token|secret|passw|credential|key|session|signature/i

/** Matchers whose values are names and what is expected of them, in turn. */
const NAMED_VALUES = /^(headers|query)/i

/** What a rule expects of headers, and of a query, that say who asks: to be shown to nobody. */
export function secretsOf(tree: RuleTree<RuleTerm>): readonly string[] {
  return termsOf(tree).flatMap(({ matcher, values }) => {
    if (!NAMED_VALUES.test(matcher)) return []
    // The 1.7 form of a query keeps name and value in one.
    return values.flatMap((value, at) => {
      if (value.includes('=') && SECRET_NAME.test(value.replace(/=.*/s, '')))
        return value.replace(/^[^=]*=/, '')
      return at % 2 === 1 && SECRET_NAME.test(values[at - 1] ?? '') ? value : []
    })
  })
}

/** Also what is never closed: an expression that failed there would begin anew at each quote behind it. */
const QUOTED = /"(?:[^"\\]|\\[\s\S])*(?:"|\\?$)|`[^`]*(?:`|$)/g

/**
 * What is wrong with a rule, without what it quotes of it, if the rule names a header that says who asks: a rule that does
 * not parse cannot be told what of it is secret.
 */
export function withoutSecrets(message: string, rule: string | RuleSpec): string {
  const text = typeof rule === 'string' ? rule : namesIn(rule)
  const isSecret = /header|query/i.test(text) && SECRET_NAME.test(text)
  return isSecret ? message.replaceAll(QUOTED, '"***"') : message
}

/** Of a rule as data, as deep as it goes. */
function namesIn(rule: RuleSpec): string {
  try {
    return JSON.stringify(rule)
  } catch {
    // What cannot be written may hold anything.
    return 'headers: authorization'
  }
}
