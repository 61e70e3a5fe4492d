import { quote } from '../base/messages.js'
import { MAX_ISSUES } from './compiled-matcher.js'
import { joined, type ParsedRule, type RuleProblem, type RuleTerm } from './rule-tree.js'

/**
 * Parses the text of a rule in Traefik 1.7's syntax: `Name:value,value;Name:value`. `;` means "and", `,` means "or". Blanks
 * around names and values are ignored, and so are empty parts. A name ends at the first `:`, so a value may be an IPv6 address.
 * Within balanced braces, `;` and `,` do not separate, so a regular expression in a group may have `{1,3}`.
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

/**
 * Splits a text at a separator and trims each part. Leaves out empty parts, and gives the position of each part in the whole
 * text.
 */
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
  // A text without braces is split by `split`, which is faster. Hardly any rule has braces, and splitting takes most of the time
  // that a large configuration needs.
  if (!text.includes('{')) return text.split(separator)
  // If the braces are not balanced, they make no groups, so the text is split at every separator. The matcher reports what is
  // wrong with its value.
  return piecesOf(text, separator) ?? text.split(separator)
}

/** Splits a text at each separator outside of braces. Returns undefined if the braces are not balanced. */
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
