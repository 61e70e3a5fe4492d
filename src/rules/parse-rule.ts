import { parseTraefik1Rule } from './parse-traefik1-rule.js'
import { parseTraefik3Rule } from './parse-traefik3-rule.js'
import type { ParsedRule } from './rule-tree.js'

/** Traefik 3's form is known by a name with a parenthesis behind it, which the 1.7 form never has. */
const TRAEFIK_3_FORM = /^[\s!(]*[A-Za-z0-9]+\s*\(/

/** A rule's text, in whichever form it is. */
export function parseRule(text: string): ParsedRule {
  return TRAEFIK_3_FORM.test(text) ? parseTraefik3Rule(text) : parseTraefik1Rule(text)
}
