import type { RuleSpec } from '../model/config.js'
import { type RuleTerm, type RuleTree, termsOf } from './rule-tree.js'

/** Matches names of header fields and query keys whose values identify the client. */
const SECRET_NAME = /auth|cookie|token|secret|passw|credential|key|session|signature/i

/** Matchers whose values are names and expected values by turns. */
const NAMED_VALUES = /^(headers|query)/i

/** Returns the values that a rule expects of header fields and query keys which identify the client. No output may show them. */
export function secretsOf(tree: RuleTree<RuleTerm>): readonly string[] {
  return termsOf(tree).flatMap(({ matcher, values }) => {
    if (!NAMED_VALUES.test(matcher)) return []
    // A query of Traefik 1.7's form has name and value in one text.
    return values.flatMap((value, at) => {
      if (value.includes('=') && SECRET_NAME.test(value.replace(/=.*/s, '')))
        return value.replace(/^[^=]*=/, '')
      return at % 2 === 1 && SECRET_NAME.test(values[at - 1] ?? '') ? value : []
    })
  })
}

/**
 * Matches quoted texts, with or without a closing quote. An expression that failed without a closing quote would start again at
 * each later quote and take quadratic time.
 */
const QUOTED = /"(?:[^"\\]|\\[\s\S])*(?:"|\\?$)|`[^`]*(?:`|$)/g

/**
 * Removes quoted texts from a message about a rule, if the rule names a header or query key that identifies the client. A rule
 * that does not parse does not show which of its texts are secret, so all are removed.
 */
export function withoutSecrets(message: string, rule: string | RuleSpec): string {
  const text = typeof rule === 'string' ? rule : namesIn(rule)
  const isSecret = /header|query/i.test(text) && SECRET_NAME.test(text)
  return isSecret ? message.replaceAll(QUOTED, '"***"') : message
}

/** Returns a text that contains all names in a rule given as data. */
function namesIn(rule: RuleSpec): string {
  try {
    return JSON.stringify(rule)
  } catch {
    // A rule that cannot be written as text may name anything, so it counts as one that names a secret.
    return 'headers: authorization'
  }
}
