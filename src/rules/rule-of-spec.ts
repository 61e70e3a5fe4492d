import type { RuleSpec } from '../model/config.js'
import type { MatcherTable } from './matchers.js'
import {
  COMBINING_KEYS,
  joined,
  type ParsedRule,
  type RuleProblem,
  type RuleTerm,
  type RuleTree,
} from './rule-tree.js'

/**
 * Parses a rule given as data (an object). A key is a matcher's name in any case, such as `clientIp` for `ClientIP`. The matchers
 * are sorted by their order in the table, so that equal rules have equal canonical texts.
 */
export function ruleOfSpec(spec: RuleSpec, matchers: MatcherTable): ParsedRule {
  const problems: RuleProblem[] = []
  const tree = new SpecReader(matchers, problems).read(spec, '', 0)
  return { form: 'data', ...(tree && { tree }), problems }
}

/** The most levels of nesting in a rule. A deeper rule would overflow the stack, and no real rule is that deep. */
const MAX_DEPTH = 100
/**
 * The most parts of one rule. An object that a rule contains several times is read each time, so a small rule could take very
 * long.
 */
const MAX_PARTS = 10_000

class SpecReader {
  readonly #matchers: MatcherTable
  readonly #problems: RuleProblem[]
  /** Maps the lower-case name of each matcher to its name in the table and its position there. */
  readonly #names: ReadonlyMap<string, readonly [name: string, order: number]>

  #parts = 0

  constructor(matchers: MatcherTable, problems: RuleProblem[]) {
    this.#matchers = matchers
    this.#problems = problems
    this.#names = new Map([...matchers.keys()].map((name, order) => [name.toLowerCase(), [name, order]]))
  }

  read(spec: RuleSpec, path: string, depth: number): RuleTree | undefined {
    this.#parts += 1
    if (this.#parts > MAX_PARTS) {
      if (this.#parts === MAX_PARTS + 1) this.#flaw('', `the rule has more than ${MAX_PARTS} parts`)
      return undefined
    }
    if (depth > MAX_DEPTH) return this.#flaw(path, `the rule is nested deeper than ${MAX_DEPTH} levels`)
    const terms: { order: number; term: RuleTerm }[] = []
    const branches: RuleTree[] = []
    const seen = new Set<string>()
    for (const [key, given] of Object.entries(spec)) {
      if (given === undefined) continue
      const lower = key.toLowerCase()
      if (seen.has(lower)) this.#flaw(`${path}${key}`, 'this matcher is given twice')
      seen.add(lower)
      if (COMBINING_KEYS.includes(key)) branches.push(...this.#branch(key, given, path, depth))
      else terms.push(...this.#term(key, given, path))
    }
    terms.sort((a, b) => a.order - b.order)
    const parts = [...terms.map(({ term }) => term), ...branches]
    if (parts.length > 0) return joined('all', parts)
    if (this.#problems.length > 0) return undefined
    return this.#flaw(path, "the rule is empty; expected at least one matcher, like { host: 'a.b' }")
  }

  #term(key: string, given: unknown, path: string): { order: number; term: RuleTerm }[] {
    const [matcher, order] = this.#names.get(key.toLowerCase()) ?? [key, -1]
    const values = valuesOf(given, this.#matchers.get(matcher)?.pairs ?? order < 0)
    if (values) return [{ order, term: { kind: 'term', matcher, values } }]
    this.#flaw(
      `${path}${key}`,
      'expected a text, a list of texts, or (for headers and queries) an object of texts',
    )
    return []
  }

  #branch(key: string, given: unknown, path: string, depth: number): RuleTree[] {
    const specs = key === 'any' ? given : [given]
    if (!Array.isArray(specs) || specs.length === 0 || !specs.every(isObject)) {
      this.#flaw(
        `${path}${key}`,
        key === 'any' ? 'expected a list of rules as data' : 'expected a rule as data',
      )
      return []
    }
    if (this.#parts > MAX_PARTS) return []
    const parts = specs.map((spec: RuleSpec, index) => {
      const at = key === 'any' ? `${path}any[${index}].` : `${path}not.`
      return this.read(spec, at, depth + 1)
    })
    if (!parts.every((part) => part !== undefined)) return []
    return [key === 'any' ? joined('any', parts) : { kind: 'not', part: parts[0] as RuleTree }]
  }

  #flaw(path: string, message: string): undefined {
    const where = path.replace(/\.$/, '')
    this.#problems.push({ code: 'INVALID_RULE', message: where === '' ? message : `${where}: ${message}` })
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * Returns the texts of a value, which may be one text or a list of texts. If it is an object, its keys and values alternate in
 * the list. Returns undefined if an entry is not a text.
 */
function valuesOf(given: unknown, mayBePairs: boolean): readonly string[] | undefined {
  const list = mayBePairs && isObject(given) ? Object.entries(given).flat() : [given].flat()
  return list.every((value) => typeof value === 'string') ? list : undefined
}
