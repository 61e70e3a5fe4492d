import { quote } from '../base/messages.js'
import { joined, type ParsedRule, type RuleProblem, type RuleTerm, type RuleTree } from './rule-tree.js'

/** The most levels of nesting in a rule. A deeper rule would overflow the stack, and no real rule is that deep. */
const MAX_DEPTH = 100

/**
 * Parses the text of a rule in Traefik 3's syntax: ``Name(`value`)`` with `!`, `&&`, `||` and parentheses. `!` binds strongest,
 * then `&&`, then `||`. Values are written as Go's string literals, in backticks or double quotes.
 */
export function parseTraefik3Rule(text: string): ParsedRule {
  const parser = new Traefik3Parser(text)
  try {
    return { form: 'traefik3', tree: parser.rule(), problems: [] }
  } catch (thrown) {
    if (thrown instanceof Flaw) return { form: 'traefik3', problems: [thrown.problem] }
    throw thrown
  }
}

/** The first syntax error in a rule. The parser throws it and stops, because it cannot understand the rest of the rule. */
class Flaw extends Error {
  readonly problem: RuleProblem

  constructor(at: number, message: string) {
    super(message)
    this.problem = { at, code: 'INVALID_RULE', message }
  }
}

interface Token {
  readonly kind: 'name' | 'text' | 'sign' | 'end'
  /** The content of a quoted value, with escapes resolved. For any other token, its characters as they are in the rule. */
  readonly value: string
  readonly at: number
}

class Traefik3Parser {
  readonly #text: string
  #position = 0
  #next: Token
  #depth = 0

  constructor(text: string) {
    this.#text = text
    // This token is a placeholder. `rule` reads the first token, because `parseTraefik3Rule` catches only the errors that `rule`
    // throws.
    this.#next = { kind: 'end', value: '', at: -1 }
  }

  rule(): RuleTree {
    this.#next = this.#read()
    const tree = this.#either()
    if (this.#next.kind !== 'end') throw this.#expected('"&&", "||" or the end of the rule')
    return tree
  }

  #either(): RuleTree {
    const parts = [this.#both()]
    while (this.#takeSign('||')) parts.push(this.#both())
    return joined('any', parts)
  }

  #both(): RuleTree {
    const parts = [this.#one()]
    while (this.#takeSign('&&')) parts.push(this.#one())
    return joined('all', parts)
  }

  #one(): RuleTree {
    this.#depth += 1
    if (this.#depth > MAX_DEPTH)
      throw new Flaw(this.#next.at, `the rule is nested deeper than ${MAX_DEPTH} levels`)
    const tree = this.#negatedOrGrouped()
    this.#depth -= 1
    return tree
  }

  #negatedOrGrouped(): RuleTree {
    if (this.#takeSign('!')) return { kind: 'not', part: this.#one() }
    if (!this.#takeSign('(')) return this.#term()
    const tree = this.#either()
    if (!this.#takeSign(')')) throw this.#expected('"&&", "||" or ")"')
    return tree
  }

  #term(): RuleTerm {
    const name = this.#next
    if (name.kind !== 'name') throw this.#expected('a matcher\'s name, "!" or "("')
    this.#next = this.#read()
    if (!this.#takeSign('(')) throw this.#expected(`"(" after ${quote(name.value)}`)
    const values: Token[] = []
    while (!this.#takeSign(')')) {
      if (values.length > 0 && !this.#takeSign(',')) throw this.#expected('"," or ")"')
      if (this.#next.kind !== 'text') throw this.#expected('a value in backticks or double quotes')
      values.push(this.#next)
      this.#next = this.#read()
    }
    return {
      kind: 'term',
      matcher: name.value,
      values: values.map(({ value }) => value),
      at: name.at,
      valuesAt: values.map(({ at }) => at),
    }
  }

  #takeSign(sign: string): boolean {
    if (this.#next.kind !== 'sign' || this.#next.value !== sign) return false
    this.#next = this.#read()
    return true
  }

  #expected(what: string): Flaw {
    const { kind, value, at } = this.#next
    return new Flaw(at, `expected ${what}, found ${kind === 'end' ? 'the end of the rule' : quote(value)}`)
  }

  #read(): Token {
    BLANKS.lastIndex = this.#position
    const at = this.#position + (BLANKS.exec(this.#text)?.[0].length ?? 0)
    if (at >= this.#text.length) return this.#token('end', '', at, at)
    const first = this.#text[at] as string
    if (first === '`' || first === '"') return this.#readText(first, at)
    NAME_OR_SIGN.lastIndex = at
    const found = NAME_OR_SIGN.exec(this.#text)?.[0]
    if (found === undefined) {
      if (first === "'")
        throw new Flaw(at, 'expected a value in backticks or double quotes, found a single quote')
      throw new Flaw(
        at,
        `expected a matcher's name, a value, "&&", "||", "!" or a parenthesis, found ${quote(this.#text.slice(at, at + 20))}`,
      )
    }
    return this.#token(/^\w/.test(found) ? 'name' : 'sign', found, at, at + found.length)
  }

  #readText(mark: string, at: number): Token {
    const end = mark === '`' ? this.#text.indexOf(mark, at + 1) : this.#endOfQuoted(at)
    if (end < 0) throw new Flaw(at, `expected a closing ${mark}`)
    const inner = this.#text.slice(at + 1, end)
    return this.#token('text', mark === '`' ? inner : unescaped(inner, at), at, end + 1)
  }

  // A loop finds the closing quote, because a regular expression of JavaScript overflows the stack on a long text.
  #endOfQuoted(at: number): number {
    for (let index = at + 1; index < this.#text.length; index += 1) {
      const character = this.#text[index]
      if (character === '"') return index
      if (character === '\n') return -1
      if (character === '\\') index += 1
    }
    return -1
  }

  #token(kind: Token['kind'], value: string, at: number, end: number): Token {
    this.#position = end
    return { kind, value, at }
  }
}

const BLANKS = /\s*/y
const NAME_OR_SIGN = /\w+|&&|\|\||[!(),]/y

/**
 * Resolves those escapes of a quoted value that JSON and Go share. Refuses Go's `\x41` and octal escapes, because rules do not
 * use them.
 */
function unescaped(inner: string, at: number): string {
  try {
    return JSON.parse(`"${inner.replaceAll('\t', '\\t')}"`) as string
  } catch {
    throw new Flaw(
      at,
      `${quote(`"${inner}"`)} has an unknown escape; expected \\\\, \\", \\n, \\t or \\u0041, or backticks instead of quotes`,
    )
  }
}
