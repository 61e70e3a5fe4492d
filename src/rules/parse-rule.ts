import { parseTraefik1Rule } from './parse-traefik1-rule.js'
import { parseTraefik3Rule } from './parse-traefik3-rule.js'
import type { ParsedRule } from './rule-tree.js'

/**
 * Matches the start of a rule in Traefik 3's syntax: a name and then a parenthesis. A rule in Traefik 1.7's syntax never has
 * that.
 */
const TRAEFIK_3_FORM = /^[\s!(]*[A-Za-z0-9]+\s*\(/

/** Parses the text of a rule, in the syntax of Traefik 1.7 or of Traefik 3. */
export function parseRule(text: string): ParsedRule {
  return TRAEFIK_3_FORM.test(text) ? parseTraefik3Rule(text) : parseTraefik1Rule(text)
}
