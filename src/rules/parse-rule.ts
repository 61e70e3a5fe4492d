import { parseTraefik1Rule } from './parse-traefik1-rule.js'
import { parseTraefik3Rule } from './parse-traefik3-rule.js'
import type { ParsedRule } from './rule-tree.js'

/** Matches a rule of Traefik 3's form: a name with a parenthesis behind it. Traefik 1.7's form never has that. */
const TRAEFIK_3_FORM = /^[\s!(]*[A-Za-z0-9]+\s*\(/

/** Parses the text of a rule in either form of Traefik. */
export function parseRule(text: string): ParsedRule {
  return TRAEFIK_3_FORM.test(text) ? parseTraefik3Rule(text) : parseTraefik1Rule(text)
}
