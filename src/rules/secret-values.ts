import type { RuleSpec } from '../model/config.js'
import { type RuleTerm, type RuleTree, termsOf } from './rule-tree.js'

/** Matches names of headers and query parameters whose values identify the client, such as `authorization`. */
const SECRET_NAME = /auth|cookie|token|secret|passw|credential|key|session|signature/i

/** Matches the names of matchers whose values alternate between a name and the value expected of it. */
const NAMED_VALUES = /^(headers|query)/i

/**
 * Returns the values that a rule expects of headers and query parameters which identify the client. No output may show these
 * values.
 */
export function secretsOf(tree: RuleTree<RuleTerm>): readonly string[] {
  return termsOf(tree).flatMap(({ matcher, values }) => {
    if (!NAMED_VALUES.test(matcher)) return []
    // A query in Traefik 1.7's rule syntax has name and value in one text. Then only the part after the first `=` is secret.
    return values.flatMap((value, at) => {
      if (value.includes('=') && SECRET_NAME.test(value.replace(/=.*/s, '')))
        return value.replace(/^[^=]*=/, '')
      return at % 2 === 1 && SECRET_NAME.test(values[at - 1] ?? '') ? value : []
    })
  })
}

/**
 * Matches quoted texts, with or without a closing quote. If the expression required the closing quote, it would search again from
 * each later quote, which takes quadratic time.
 */
const QUOTED = /"(?:[^"\\]|\\[\s\S])*(?:"|\\?$)|`[^`]*(?:`|$)/g

/**
 * Removes all quoted texts from a message about a rule, if the rule names a header or query parameter that identifies the client.
 * If a rule does not parse, it does not show which of its texts are secret. So all are removed.
 */
export function withoutSecrets(message: string, rule: string | RuleSpec): string {
  const text = typeof rule === 'string' ? rule : namesIn(rule)
  const isSecret = /header|query/i.test(text) && SECRET_NAME.test(text)
  return isSecret ? message.replaceAll(QUOTED, '"***"') : message
}

/** Returns a text that contains all names in a rule given as data: the rule's JSON text. */
function namesIn(rule: RuleSpec): string {
  try {
    return JSON.stringify(rule)
  } catch {
    // `JSON.stringify` cannot write this rule, so the rule may name any header. The returned text names `authorization`, so that
    // the caller treats the rule as secret.
    return 'headers: authorization'
  }
}
