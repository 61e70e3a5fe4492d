import type { MatcherTable } from './matchers.js'
import { piecesOf } from './parse-traefik1-rule.js'
import type { RuleTerm, RuleTree } from './rule-tree.js'

/** The syntax in which a rule is shown. A rule given as data has no text of its own, so it is shown in one of these two. */
export type ShownForm = 'traefik1' | 'traefik3'

/** Returns whether a rule given as data can be written in Traefik 1.7's syntax, which has no "or", no "not" and no quotes. */
export function fitsTraefik1(tree: RuleTree, matchers: MatcherTable): boolean {
  if (tree.kind === 'all')
    return tree.parts.every((part) => part.kind === 'term' && fitsTraefik1(part, matchers))
  if (tree.kind !== 'term') return false
  const known = matchers.get(tree.matcher)
  return (known?.shownAsTraefik1 ?? true) && tree.values.every(isWritable)
}

/**
 * Returns whether a value can be written in Traefik 1.7's rule syntax. That syntax trims blanks around a value, and splits the
 * value at `,` and `;` outside of braces.
 */
function isWritable(value: string): boolean {
  return (
    value !== '' && value.trim() === value && [',', ';'].every((sign) => piecesOf(value, sign)?.length === 1)
  )
}

/** Returns the canonical text of a rule, or of a part of a rule, in the given syntax. */
export function textOf(tree: RuleTree, form: ShownForm, matchers: MatcherTable): string {
  if (form === 'traefik3') return textOfTraefik3(tree, matchers)
  if (tree.kind === 'term') return `${tree.matcher}:${tree.values.join(',')}`
  return tree.kind === 'not' ? '' : tree.parts.map((part) => textOf(part, form, matchers)).join(';')
}

function textOfTraefik3(tree: RuleTree, matchers: MatcherTable): string {
  if (tree.kind === 'term') return textOfTerm(tree, matchers)
  if (tree.kind === 'not') return `!${inParentheses(tree.part, matchers)}`
  const parts = tree.parts.map((part) =>
    tree.kind === 'all' && isAny(part, matchers)
      ? inParentheses(part, matchers)
      : textOfTraefik3(part, matchers),
  )
  return parts.join(tree.kind === 'all' ? ' && ' : ' || ')
}

function inParentheses(tree: RuleTree, matchers: MatcherTable): string {
  const isOne = tree.kind === 'not' || (tree.kind === 'term' && unitsOf(tree, matchers).length === 1)
  return isOne ? textOfTraefik3(tree, matchers) : `(${textOfTraefik3(tree, matchers)})`
}

/** Returns whether a part of a rule is written in Traefik 3's syntax as several matchers with `||` between them. */
function isAny(tree: RuleTree, matchers: MatcherTable): boolean {
  if (tree.kind === 'term') return !matchers.get(tree.matcher)?.pairs && unitsOf(tree, matchers).length > 1
  return tree.kind === 'any'
}

function textOfTerm(term: RuleTerm, matchers: MatcherTable): string {
  const known = matchers.get(term.matcher)
  const name = known?.traefik3?.name ?? term.matcher
  const texts = unitsOf(term, matchers).map((values) => `${name}(${values.map(quoted).join(', ')})`)
  return texts.join(known?.pairs ? ' && ' : ' || ')
}

/**
 * Splits the values of a matcher into one list for each pair of parentheses in Traefik 3's syntax. A rule given as data has all
 * values in one list.
 */
function unitsOf({ matcher, values }: RuleTerm, matchers: MatcherTable): (readonly string[])[] {
  const { traefik3, pairs } = matchers.get(matcher) ?? {}
  if (!traefik3 || traefik3.values[1] === Number.POSITIVE_INFINITY) return [values]
  if (!pairs) return values.map((value) => [value])
  if (values.length === 1) return [values]
  // A query key with an empty value is written as the key alone.
  return values.flatMap((name, index) => {
    if (index % 2 === 1) return []
    const value = values[index + 1] as string
    return [value === '' ? [name] : [name, value]]
  })
}

function quoted(value: string): string {
  return value.includes('`') || value.includes('\r') ? JSON.stringify(value) : `\`${value}\``
}
