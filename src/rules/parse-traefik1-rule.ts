import { quote } from '../base/messages.js'
import { MAX_ISSUES } from './compiled-matcher.js'
import { joined, type ParsedRule, type RuleProblem, type RuleTerm } from './rule-tree.js'

/**
 * A rule's text in Traefik 1.7's form: `Name:value,value;Name:value`. `;` is and, `,` is or; blanks round names and
 * values, and empty parts, mean nothing. The name ends at the first `:`, so that the colons of IPv6 stay. Within balanced
 * braces neither `;` nor `,` separates, so that a group may hold `{1,3}`.
 */
export function parseTraefik1Rule(text: string): ParsedRule {
  const terms: RuleTerm[] = []
  const problems: RuleProblem[] = []
  for (const part of splitAt(text, ';', 0)) {
    const colon = part.text.indexOf(':')
    if (colon <= 0) {
      const message = `expected a matcher's name, ":" and values, like Host:a.b, found ${quote(part.text)}`
      problems.push({ at: part.at, code: 'INVALID_RULE', message })
      if (problems.length >= MAX_ISSUES) break
      continue
    }
    const values = splitAt(part.text.slice(colon + 1), ',', part.at + colon + 1)
    terms.push({
      kind: 'term',
      matcher: part.text.slice(0, colon).trim(),
      values: values.map((value) => value.text),
      at: part.at,
      valuesAt: values.map((value) => value.at),
    })
  }
  if (terms.length === 0 && problems.length === 0) {
    const message = 'the rule is empty; expected at least one matcher, like Host:a.b'
    problems.push({ at: 0, code: 'INVALID_RULE', message })
  }
  return { form: 'traefik1', ...(terms.length > 0 && { tree: joined('all', terms) }), problems }
}

/** Non-empty, trimmed parts of a text, each with its position in the whole. */
function splitAt(text: string, separator: string, offset: number): { text: string; at: number }[] {
  const parts: { text: string; at: number }[] = []
  let start = 0
  for (const piece of pieces(text, separator)) {
    const trimmed = piece.trim()
    if (trimmed !== '') parts.push({ text: trimmed, at: offset + start + piece.indexOf(trimmed) })
    start += piece.length + 1
  }
  return parts
}

function pieces(text: string, separator: string): string[] {
  // Nearly no rule has braces, and splitting is what most of a large configuration's time goes to.
  if (!text.includes('{')) return text.split(separator)
  // Unbalanced: nothing is a group, and the matcher will say what is wrong with its value.
  return piecesOf(text, separator) ?? text.split(separator)
}

/** A text split at a separator outside of braces; nothing if its braces do not pair. */
export function piecesOf(text: string, separator: string): string[] | undefined {
  const found: string[] = []
  let depth = 0
  let start = 0
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index]
    if (character === '{') depth += 1
    else if (character === '}') depth -= 1
    if (depth < 0) return undefined
    if (character !== separator || depth > 0) continue
    found.push(text.slice(start, index))
    start = index + 1
  }
  return depth === 0 ? [...found, text.slice(start)] : undefined
}
