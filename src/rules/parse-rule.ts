import type { RuleSpec } from '../model/config.js'
import { quote } from './document-shapes.js'

/** One matcher of a rule, named and with its values, not compiled yet. */
export interface RuleTerm {
  readonly matcher: string
  readonly values: readonly string[]
  /** Where the name, and each value, begins in the rule's text (from 0); absent for a rule given as data. */
  readonly at?: number
  readonly valuesAt?: readonly number[]
}

/** Something in a rule that does not parse. */
export interface RuleProblem {
  /** Position in the rule's text, from 0; absent where it has none. */
  readonly at?: number
  readonly message: string
  readonly code: 'INVALID_RULE' | 'INVALID_RANGE' | 'NOT_SUPPORTED'
}

export interface ParsedRule {
  /** All of them must hold. */
  readonly terms: readonly RuleTerm[]
  readonly problems: readonly RuleProblem[]
}

/** Traefik 3's form is known by a name with a parenthesis behind it, which the 1.7 form never has. */
const TRAEFIK_3_FORM = /^[\s!(]*[A-Za-z0-9]+\s*\(/

/**
 * A rule's text in Traefik 1.7's form to terms: `Name:value,value;Name:value`. `;` is and, `,` is or; blanks round
 * names and values, and empty parts, mean nothing. The name ends at the first `:`, so that the colons of IPv6 stay.
 */
export function parseRule(text: string): ParsedRule {
  if (TRAEFIK_3_FORM.test(text)) {
    const message =
      "this is Traefik 3's form, which is not supported yet; expected Traefik 1.7's, like Host:a.b;Path:/c"
    return { terms: [], problems: [{ at: 0, code: 'NOT_SUPPORTED', message }] }
  }
  const terms: RuleTerm[] = []
  const problems: RuleProblem[] = []
  for (const part of splitAt(text, ';', 0)) {
    const colon = part.text.indexOf(':')
    if (colon <= 0) {
      const found = quote(part.text)
      problems.push({
        at: part.at,
        code: 'INVALID_RULE',
        message: `expected a matcher's name, ":" and values, like Host:a.b, found ${found}`,
      })
      continue
    }
    const values = splitAt(part.text.slice(colon + 1), ',', part.at + colon + 1)
    terms.push({
      matcher: part.text.slice(0, colon).trim(),
      values: values.map((value) => value.text),
      at: part.at,
      valuesAt: values.map((value) => value.at),
    })
  }
  if (terms.length === 0 && problems.length === 0) {
    problems.push({
      at: 0,
      code: 'INVALID_RULE',
      message: 'the rule is empty; expected at least one matcher, like Host:a.b',
    })
  }
  return { terms, problems }
}

/** Non-empty, trimmed parts of a text, each with its position in the whole. */
function splitAt(text: string, separator: string, offset: number): { text: string; at: number }[] {
  const parts: { text: string; at: number }[] = []
  let start = 0
  for (const piece of text.split(separator)) {
    const trimmed = piece.trim()
    if (trimmed !== '') parts.push({ text: trimmed, at: offset + start + piece.indexOf(trimmed) })
    start += piece.length + 1
  }
  return parts
}

/**
 * A rule given as data to terms, in the order of `names`, so that the canonical text of equal rules is equal.
 *
 * @param names the known matchers' names; a data key is such a name in any case, `clientIp` for `ClientIP`
 */
export function termsOfSpec(spec: RuleSpec, names: readonly string[]): ParsedRule {
  const problems: RuleProblem[] = []
  const byKey = new Map(names.map((name) => [name.toLowerCase(), name]))
  const order = new Map(names.map((name, index) => [name, index]))
  const seen = new Set<string>()
  const terms: RuleTerm[] = []
  for (const [key, given] of Object.entries(spec)) {
    if (given === undefined) continue
    const matcher = byKey.get(key.toLowerCase()) ?? key
    const values = valuesOf(given, matcher === 'Headers' || !order.has(matcher))
    if (values === undefined) {
      problems.push({
        code: 'INVALID_RULE',
        message: `${key}: expected a text, a list of texts, or (for headers) an object of texts`,
      })
      continue
    }
    for (const value of values) {
      if (/[,;]/.test(value) || value.trim() !== value || value === '') {
        problems.push({ code: 'INVALID_RULE', message: `${key}: ${unwritable(value)}` })
      }
    }
    if (seen.has(matcher)) {
      problems.push({ code: 'INVALID_RULE', message: `${key}: this matcher is given twice` })
    }
    seen.add(matcher)
    terms.push({ matcher, values })
  }
  terms.sort((a, b) => (order.get(a.matcher) ?? -1) - (order.get(b.matcher) ?? -1))
  if (terms.length === 0 && problems.length === 0) {
    problems.push({
      code: 'INVALID_RULE',
      message: "the rule is empty; expected at least one matcher, like { host: 'a.b' }",
    })
  }
  return { terms, problems }
}

// A data rule always has a canonical text, and the 1.7 form has no way to quote.
function unwritable(value: string): string {
  return `${quote(value)} cannot stand in a rule: it is empty, begins or ends with a blank, or holds "," or ";"`
}

function valuesOf(given: unknown, mayBePairs: boolean): readonly string[] | undefined {
  const list =
    mayBePairs && typeof given === 'object' && given !== null && !Array.isArray(given)
      ? Object.entries(given).flat()
      : [given].flat()
  return list.every((value) => typeof value === 'string') ? list : undefined
}
