import type { Frontend, ProviderConfig } from '../model/config.js'
import { describeIssues, type Issue, ProxyError } from '../model/errors.js'
import type { MatcherFactory, RequestFacts } from '../model/request-facts.js'
import { type MatcherTable, matcherTable } from './matchers.js'
import { type CompiledTerm, compileRule, matchesAll, textOfTerms } from './rule-matcher.js'
import { runAtOnce } from './run-steps.js'

/** A compiled frontend. */
export interface CompiledFrontend {
  /** As the router was given it: `name`, or `name@provider` in a running proxy. */
  readonly name: string
  readonly backend: string
  readonly priority: number
  /** Canonical text; the rules of several routes with ` && ` between them. */
  readonly rule: string
  readonly config: Frontend
  readonly terms: readonly CompiledTerm[]
}

/** Which frontend wins a request, and what refused it in each that was tried before. */
export interface RouterExplanation {
  readonly winner?: {
    readonly frontend: string
    readonly backend: string
    readonly priority: number
    readonly rule: string
  }
  /** The frontends tried before the winner, in order, each with the first matcher that refused. */
  readonly refused: readonly { readonly frontend: string; readonly rule: string; readonly by: string }[]
  /** The same in sentences, a line each. */
  readonly text: string
}

/** Frontends, compiled and ordered: by priority, then by name. Answers with one or none; never changes. */
export class Router {
  readonly #frontends: readonly CompiledFrontend[]

  /** Made when the next router is compiled. */
  #named: ReadonlyMap<string, CompiledFrontend> | undefined

  private constructor(frontends: readonly CompiledFrontend[]) {
    this.#frontends = frontends
  }

  get #byName(): ReadonlyMap<string, CompiledFrontend> {
    this.#named ??= new Map(this.#frontends.map((frontend) => [frontend.name, frontend]))
    return this.#named
  }

  /**
   * Compiles a document's frontends at once.
   *
   * @param config only its frontends are looked at
   * @throws ProxyError `PROXY_CONFIG_INVALID` with an issue for every rule that is wrong
   */
  static compile(
    config: Pick<ProviderConfig, 'frontends'>,
    options: { matchers?: Readonly<Record<string, MatcherFactory>> } = {},
  ): Router {
    return runAtOnce(Router.compileSteps(Object.entries(config.frontends), matcherTable(options.matchers)))
  }

  /**
   * The same in steps, so that whoever compiles while serving can pause between them.
   *
   * @param previous of the same matchers: what it has compiled of the very same frontends is taken over
   */
  static *compileSteps(
    frontends: Iterable<readonly [name: string, frontend: Frontend]>,
    matchers: MatcherTable,
    previous?: Router,
  ): Generator<void, Router> {
    const compiled: CompiledFrontend[] = []
    const issues: Issue[] = []
    const compiledBefore = previous ? previous.#byName : NOTHING
    for (const [name, frontend] of frontends) {
      const before = compiledBefore.get(name)
      compiled.push(before?.config === frontend ? before : compileFrontend(name, frontend, matchers, issues))
      yield
    }
    if (issues.length > 0) {
      throw new ProxyError('PROXY_CONFIG_INVALID', describeIssues(issues), { issues })
    }
    return new Router(compiled.sort(byPriorityThenName))
  }

  /** The frontend that serves a request, if any. */
  match(facts: RequestFacts): CompiledFrontend | undefined {
    for (const frontend of this.#frontends) {
      if (answersOn(frontend, facts.entryPoint) && matchesAll(frontend.terms, facts)) return frontend
    }
    return undefined
  }

  /** Why `match` answers as it does. */
  explain(facts: RequestFacts): RouterExplanation {
    const refused: { frontend: string; rule: string; by: string }[] = []
    for (const frontend of this.#frontends) {
      const by = refusalOf(frontend, facts)
      if (by === undefined) {
        const { name, backend, priority, rule } = frontend
        return explanation(refused, { frontend: name, backend, priority, rule })
      }
      refused.push({ frontend: frontend.name, rule: frontend.rule, by })
    }
    return explanation(refused)
  }
}

const NOTHING: ReadonlyMap<string, CompiledFrontend> = new Map()

function compileFrontend(
  name: string,
  frontend: Frontend,
  matchers: MatcherTable,
  issues: Issue[],
): CompiledFrontend {
  let terms: readonly CompiledTerm[] = []
  let text: string | undefined
  // What Traefik counts is the text as written; a data rule has only its canonical one.
  let length = 0
  for (const rule of rulesOf(frontend)) {
    const compiled = compileRule(rule, matchers)
    terms = text === undefined ? compiled.terms : [...terms, ...compiled.terms]
    text = text === undefined ? compiled.text : `${text} && ${compiled.text}`
    length += typeof rule === 'string' ? rule.length : compiled.text.length
    for (const issue of compiled.issues) issues.push({ ...issue, path: `frontends[${JSON.stringify(name)}]` })
  }
  if (text === undefined) {
    // Validation refuses it too; whoever comes here without must not get a frontend that takes every request.
    const message = 'expected a rule, or routes with at least one'
    issues.push({ path: `frontends[${JSON.stringify(name)}]`, code: 'MISSING_RULE', message })
  }
  const explicit = frontend.priority ?? 0
  return {
    name,
    backend: frontend.backend,
    priority: explicit > 0 ? explicit : length,
    rule: text ?? '',
    config: frontend,
    terms,
  }
}

function rulesOf(frontend: Frontend) {
  if (frontend.rule !== undefined) return [frontend.rule]
  return Object.values(frontend.routes ?? {}).map(({ rule }) => rule)
}

function byPriorityThenName(a: CompiledFrontend, b: CompiledFrontend): number {
  if (a.priority !== b.priority) return b.priority - a.priority
  return a.name < b.name ? -1 : 1
}

function answersOn({ config }: CompiledFrontend, entryPoint: string | undefined): boolean {
  return (
    config.entryPoints === undefined || (entryPoint !== undefined && config.entryPoints.includes(entryPoint))
  )
}

/** What keeps a frontend from a request, or nothing if it matches. */
function refusalOf(frontend: CompiledFrontend, facts: RequestFacts): string | undefined {
  if (!answersOn(frontend, facts.entryPoint)) {
    return `entryPoints ${(frontend.config.entryPoints ?? []).join(',')}`
  }
  const term = frontend.terms.find(({ test }) => test(facts) !== true)
  return term && textOfTerms([term])
}

function explanation(
  refused: RouterExplanation['refused'],
  winner?: NonNullable<RouterExplanation['winner']>,
): RouterExplanation {
  const lines = refused.map(({ frontend, by }) => `${frontend} does not match: ${by}`)
  lines.push(
    winner
      ? `${winner.frontend} matches (priority ${winner.priority}, ${winner.rule}): backend ${winner.backend}`
      : 'no frontend matches',
  )
  return { ...(winner && { winner }), refused, text: lines.join('\n') }
}
