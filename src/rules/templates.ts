import { quote } from '../base/messages.js'
import { compileRegexp, literally } from './regexps.js'

/** A value of a rule with `{name:regexp}` groups, after parsing. */
export interface Template {
  /** The value as a regular expression, without `^` and `$`. */
  readonly source: string
  /** The literal text before the first group. */
  readonly beginning: string
}

/** Returns whether a value in Traefik 1.7's rule syntax has braces, whether or not they form groups. */
export function hasBraces(value: string): boolean {
  return value.includes('{') || value.includes('}')
}

/**
 * Parses a value with `{name:regexp}` groups, which Traefik 1.7 allows in hosts, paths and queries (templates of gorilla/mux).
 * The text outside of groups is literal. A group without an expression, `{name}`, matches any text that does not contain the
 * separator.
 *
 * @param separator the character that ends a group without an expression: `.` in hosts, `/` in paths, none in queries
 * @param literal converts the text outside of groups before the text is escaped
 * @throws Error if the braces are not balanced, or if the expression of a group does not compile
 */
export function parseTemplate(
  value: string,
  separator: '.' | '/' | '',
  literal: (text: string) => string = (text) => text,
): Template {
  let source = ''
  let beginning: string | undefined
  let end = 0
  for (const [from, to] of groupsIn(value)) {
    const before = literal(value.slice(end, from))
    beginning ??= before
    source += literally(before) + groupSource(value.slice(from + 1, to - 1), separator)
    end = to
  }
  const rest = literal(value.slice(end))
  return { source: source + literally(rest), beginning: beginning ?? rest }
}

function groupSource(group: string, separator: '.' | '/' | ''): string {
  const colon = group.indexOf(':')
  const name = colon < 0 ? group : group.slice(0, colon)
  if (name.trim() === '' || hasBraces(name))
    throw new Error(`${quote(`{${group}}`)} has no name; expected {name} or {name:regexp}`)
  if (colon < 0) return separator === '' ? '.*' : `[^${separator}]+`
  const expression = group.slice(colon + 1)
  // The expression of a group is first compiled alone. So an unbalanced parenthesis in it is an error, and cannot end the
  // enclosing `(?:...)` early.
  compileRegexp(expression)
  return `(?:${expression})`
}

/** Returns the positions where each outermost `{...}` group of a value begins and ends. */
function groupsIn(value: string): [from: number, to: number][] {
  const groups: [number, number][] = []
  let depth = 0
  let from = 0
  for (let index = 0; index < value.length; index += 1) {
    if (value[index] === '{') {
      if (depth === 0) from = index
      depth += 1
    } else if (value[index] === '}') {
      depth -= 1
      if (depth === 0) groups.push([from, index + 1])
      if (depth < 0) break
    }
  }
  if (depth !== 0) throw new Error(`${quote(value)} can never match: its braces are not balanced`)
  return groups
}
