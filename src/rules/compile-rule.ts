import { quote } from '../base/messages.js'
import { suggestName } from '../base/nearest-name.js'
import { Recent } from '../base/recent.js'
import type { RuleSpec } from '../model/config.js'
import { asError, type Issue, ProxyError } from '../model/errors.js'
import { type Metadata, NO_METADATA } from '../model/metadata.js'
import type { MatcherContext } from '../model/request-facts.js'
import type { Matcher } from './built-in-matchers.js'
import { type CompiledMatcher, type CompileMatcher, MAX_ISSUES } from './compiled-matcher.js'
import { fitsTraefik1, type ShownForm, textOf } from './format-rule.js'
import { isBuiltIn, type MatcherTable } from './matchers.js'
import { parseRule } from './parse-rule.js'
import { ruleOfSpec } from './rule-of-spec.js'
import {
  conjunctsOf,
  mapTerms,
  type ParsedRule,
  type RuleForm,
  type RuleProblem,
  type RuleTerm,
  type RuleTree,
} from './rule-tree.js'

/** One matcher of a rule, with its values compiled. */
export interface CompiledTerm extends RuleTerm, CompiledMatcher {
  /** The syntax in which the rule is shown: that of Traefik 1.7 or of Traefik 3. */
  readonly form: ShownForm
}

/** The result of compiling a rule. A valid rule has a `tree`. Any other rule has `issues`, which say what is wrong with it. */
export interface CompiledRule {
  readonly form: RuleForm
  /** The rule's canonical text, or an empty string if there are issues. */
  readonly text: string
  readonly tree?: RuleTree<CompiledTerm>
  readonly issues: readonly Issue[]
}

/**
 * A cache of compiled rules by their text, one for each table of matchers. A new configuration repeats most rules of the one
 * before. In addition, each rule is compiled twice: once for validation and once for the router.
 */
const recent = new WeakMap<MatcherTable, Recent<CompiledRule>>()
const MAX_KEPT = 20_000
const MAX_KEPT_LENGTH = 1_000
/**
 * The most characters of all rules in one half of the cache. The cache has a younger and an older half. A rule of many matchers
 * takes up to 72 bytes for each of its characters.
 */
const MAX_KEPT_TOGETHER = 1_000_000

/**
 * Compiles a rule given as text or data. Each problem is an issue with an empty `path`. The caller replaces this `path` by the
 * rule's path in the document.
 *
 * @param metadata the labels of the frontend that has the rule, for matchers of the embedding application
 */
export function compileRule(
  rule: string | RuleSpec,
  matchers: MatcherTable,
  metadata: Metadata = NO_METADATA,
): CompiledRule {
  // A rule that may use matchers of the embedding application is not cached, because the application may count how often its
  // factories are called. A rule with a regular expression is not cached either, because a compiled expression keeps data about
  // each text that it was matched with.
  const isKept =
    typeof rule === 'string' &&
    rule.length <= MAX_KEPT_LENGTH &&
    isBuiltIn(matchers) &&
    !/regex|\{/i.test(rule)
  if (!isKept) return compileAnew(rule, matchers, { metadata })
  let kept = recent.get(matchers)
  if (!kept) {
    kept = new Recent(MAX_KEPT, MAX_KEPT_TOGETHER)
    recent.set(matchers, kept)
  }
  return kept.get(rule, (text) => compileAnew(text, matchers, { metadata }))
}

function compileAnew(rule: string | RuleSpec, matchers: MatcherTable, context: MatcherContext): CompiledRule {
  const parsed = typeof rule === 'string' ? parseRule(rule) : ruleOfSpec(rule, matchers)
  const { form } = parsed
  const problems: RuleProblem[] = [...parsed.problems]
  const shown = shownForm(form, parsed.tree, matchers)
  const compiler = new TermCompiler(matchers, context, parsed, shown, problems)
  const tree = parsed.tree && mapTerms(parsed.tree, (term) => compiler.compile(term))
  if (!tree || problems.length > 0) return { form, text: '', issues: problems.map(issueOf) }
  return { form, text: textOf(tree, shown, matchers), tree, issues: [] }
}

function shownForm(form: RuleForm, tree: RuleTree | undefined, matchers: MatcherTable): ShownForm {
  if (form !== 'data') return form
  return tree && fitsTraefik1(tree, matchers) ? 'traefik1' : 'traefik3'
}

/** Compiles the matchers of one rule: looks each matcher up in the table and compiles its values. */
class TermCompiler {
  readonly #matchers: MatcherTable
  readonly #context: MatcherContext
  readonly #form: RuleForm
  readonly #shown: ShownForm
  readonly #problems: RuleProblem[]
  /** Whether the rule contains an "or" or a "not". If false, the rule is a list of matchers that must all hold. */
  readonly #nested: boolean

  constructor(
    matchers: MatcherTable,
    context: MatcherContext,
    { form, tree }: ParsedRule,
    shown: ShownForm,
    problems: RuleProblem[],
  ) {
    this.#matchers = matchers
    this.#context = context
    this.#nested = tree !== undefined && conjunctsOf(tree).some(({ kind }) => kind !== 'term')
    this.#form = form
    this.#shown = shown
    this.#problems = problems
  }

  compile(term: RuleTerm): CompiledTerm | undefined {
    if (this.#problems.length >= MAX_ISSUES) return undefined
    const found = this.#find(term)
    if (!found) return undefined
    const [matcher, compile] = found
    if (term.values.length === 0) {
      return this.#flaw(`${term.matcher} has no value; expected at least one`, term.at)
    }
    try {
      const { test, needs, modifier, otherSlash, ranges } = compile(term.values, this.#context)
      // The fields are written one by one. With object spread (`...`), compiling 100,000 matchers would take three times as long.
      const { values } = term
      return { kind: 'term', matcher, values, form: this.#shown, test, needs, modifier, otherSlash, ranges }
    } catch (thrown) {
      const issues: readonly Partial<Issue>[] =
        thrown instanceof ProxyError && thrown.issues.length > 0
          ? thrown.issues
          : [{ message: asError(thrown).message }]
      for (const { path, code, message } of issues)
        this.#flaw(`${term.matcher}: ${message}`, term.valuesAt?.[Number(path)] ?? term.at, code)
      return undefined
    }
  }

  /**
   * Returns the matcher's name in the table, and the function that compiles its values in the rule's syntax. If the rule's syntax
   * lacks the matcher, it records the problem and returns undefined.
   */
  #find(term: RuleTerm): [name: string, compile: CompileMatcher] | undefined {
    if (this.#form === 'traefik3') return this.#findInTraefik3(term)
    const known = this.#matchers.get(term.matcher)
    const inData = this.#nested ? (known?.nested ?? known?.data) : known?.data
    const compile = this.#form === 'data' ? inData : known?.traefik1
    if (!compile)
      return this.#unknown(term, (matcher) => (this.#form === 'data' ? matcher.data : matcher.traefik1))
    if (this.#form === 'data' && this.#shown === 'traefik3' && !known?.traefik3) {
      return this.#flaw(
        `${term.matcher} can be combined only with what Traefik 1.7's form can express: no ${UNWRITABLE}`,
        term.at,
      )
    }
    return [term.matcher, compile]
  }

  #findInTraefik3(term: RuleTerm): [name: string, compile: CompileMatcher] | undefined {
    const found = namesInTraefik3(this.#matchers).get(term.matcher)
    const traefik3 = found === undefined ? undefined : this.#matchers.get(found)?.traefik3
    if (found === undefined || !traefik3) return this.#unknown(term, (matcher) => matcher.traefik3)
    const {
      values: [least, most],
      compile,
    } = traefik3
    const count = term.values.length
    if (count >= least && count <= most) return [found, compile]
    const expected =
      least === most ? String(least) : Number.isFinite(most) ? `${least} to ${most}` : `${least} or more`
    return this.#flaw(
      `${term.matcher} takes ${expected} value${most === 1 ? '' : 's'} in Traefik 3's form, found ${count}${count > most ? '; "||" combines several' : ''}`,
      term.at,
    )
  }

  #unknown({ matcher, at }: RuleTerm, isHere: (matcher: Matcher) => unknown): undefined {
    const elsewhere = this.#matchers.get(matcher)
    if (elsewhere) {
      const [here, there] = this.#form === 'traefik3' ? ['3', '1.7'] : ['1.7', '3']
      const other = this.#form === 'traefik3' && elsewhere.traefik3?.name
      const remedy = other ? `its name there is ${other}` : `Traefik ${there}'s form and data have it`
      return this.#flaw(`there is no matcher ${matcher} in Traefik ${here}'s form; ${remedy}`, at)
    }
    const names = [...this.#matchers]
      .filter(([, row]) => isHere(row))
      .map(([name, { traefik3 }]) => (this.#form === 'traefik3' ? (traefik3?.name ?? name) : name))
    return this.#flaw(`there is no matcher ${quote(matcher)}${suggestName(matcher, names)}`, at)
  }

  #flaw(message: string, at: number | undefined, code?: Issue['code']): undefined {
    const problem = { code: code === 'INVALID_RANGE' ? code : 'INVALID_RULE', message } as const
    this.#problems.push(at === undefined ? problem : { ...problem, at })
  }
}

const UNWRITABLE =
  'any, no not, no matcher that only Traefik 3 has, and no value with ",", ";", a brace or a blank at either end'

/**
 * For each table of matchers: the matchers' names by each spelling that Traefik 3 accepts. These are the declared spelling, lower
 * case, upper case, and lower case with a capital first letter.
 */
const spellings = new WeakMap<MatcherTable, ReadonlyMap<string, string>>()

function namesInTraefik3(matchers: MatcherTable): ReadonlyMap<string, string> {
  let names = spellings.get(matchers)
  if (!names) {
    names = new Map(
      [...matchers].flatMap(([name, { traefik3 }]) => {
        if (!traefik3) return []
        const written = traefik3.name ?? name
        const lower = written.toLowerCase()
        const title = lower.charAt(0).toUpperCase() + lower.slice(1)
        return [written, lower, written.toUpperCase(), title].map((spelling) => [spelling, name] as const)
      }),
    )
    spellings.set(matchers, names)
  }
  return names
}

function issueOf({ at, code, message }: RuleProblem): Issue {
  return { path: '', code, message: at === undefined ? message : `at position ${at + 1}: ${message}` }
}
