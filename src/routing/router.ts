import { runAtOnce } from '../base/run-steps.js'
import type { Frontend, ProviderConfig } from '../model/config.js'
import { asError, configInvalid, type Issue } from '../model/errors.js'
import type { RequestFacts } from '../model/request-facts.js'
import type { CompiledTerm } from '../rules/compile-rule.js'
import { textOf } from '../rules/format-rule.js'
import {
  checkMatcherOptions,
  type MatcherOptions,
  type MatcherTable,
  matcherTable,
} from '../rules/matchers.js'
import { answerOf, type RuleTree, refusalIn, termsOf } from '../rules/rule-tree.js'
import { type CompiledFrontend, compileFrontend } from './compile-frontend.js'
import { refuseGuards } from './refuse-guards.js'
import { RouterIndex } from './router-index.js'
import { sortSteps } from './sort-steps.js'

/** Which frontend wins a request, and why each of the others does not. */
export interface RouterExplanation {
  readonly winner?: {
    readonly frontend: string
    readonly backend: string
    readonly priority: number
    readonly rule: string
    /** The path that servers get, if the frontend's modifiers change it. */
    readonly path?: string
    /** Instead of a server's response: sent to the other slash form by 301, or kept out by the white list with 403. */
    readonly answer?: { readonly status: 301; readonly location: string } | { readonly status: 403 }
  }
  /** The frontends whose rule does not hold, in the order in which they are tried, each with the matcher that refused. */
  readonly refused: readonly RefusedFrontend[]
  /** The frontends whose rule holds too, but which come after the winner. */
  readonly outranked: readonly {
    readonly frontend: string
    readonly rule: string
    readonly priority: number
  }[]
  /** The same in sentences, a line each; of many refusals, those of the highest priority. */
  readonly text: string
}

/** A frontend whose rule does not hold for a request. */
export interface RefusedFrontend {
  readonly frontend: string
  readonly rule: string
  /** The part of the rule that does not hold. */
  readonly by: string
  /** Why the answer of that part is unknown, where it is neither true nor false: such a frontend does not match either. */
  readonly unknown?: string
}

/** Frontends, compiled and ordered: by priority, then by name. Answers with one or none; never changes. */
export class Router {
  readonly #frontends: readonly CompiledFrontend[]
  readonly #index: RouterIndex
  readonly #matchers: MatcherTable

  /** Made when the next router is compiled. */
  #named: ReadonlyMap<string, CompiledFrontend> | undefined

  private constructor(frontends: readonly CompiledFrontend[], index: RouterIndex, matchers: MatcherTable) {
    this.#frontends = frontends
    this.#index = index
    this.#matchers = matchers
  }

  get #byName(): ReadonlyMap<string, CompiledFrontend> {
    this.#named ??= new Map(this.#frontends.map((frontend) => [frontend.name, frontend]))
    return this.#named
  }

  /**
   * Compiles a document's frontends at once.
   *
   * @param config only its frontends are looked at; one with a guard that is not built yet (`auth`, say) is refused
   * @param options.matchers the host's own matchers, by name
   * @param options.keepTrailingSlash default true; false: as Traefik 1.7, see `createProxy`
   * @throws ProxyError `PROXY_CONFIG_INVALID` with an issue for every rule that is wrong, and for every such guard
   */
  static compile(config: Pick<ProviderConfig, 'frontends'>, options: MatcherOptions = {}): Router {
    checkMatcherOptions(options, 'Router.compile')
    refuseGuards(config.frontends)
    return runAtOnce(Router.compileSteps(Object.entries(config.frontends), matcherTable(options)))
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
      throw configInvalid(issues)
    }
    const ordered = yield* sortSteps(compiled, byPriorityThenName)
    return new Router(ordered, yield* RouterIndex.build(ordered), matchers)
  }

  /** The frontend that serves a request, if any. */
  match(facts: RequestFacts): CompiledFrontend | undefined {
    return this.#index.match(facts)
  }

  /** All frontends, in the order in which they are tried. */
  get frontends(): readonly CompiledFrontend[] {
    return this.#frontends
  }

  /**
   * Frontends that come before another one, and that the host and path of a request allow too.
   *
   * @param rank its place among `frontends`
   */
  before(rank: number, facts: RequestFacts): readonly CompiledFrontend[] {
    return this.#index.before(rank, facts).map(({ frontend }) => frontend)
  }

  /** Why `match` answers as it does. Unlike that, it asks every frontend. */
  explain(facts: RequestFacts): RouterExplanation {
    const refused: RefusedFrontend[] = []
    const holding: CompiledFrontend[] = []
    for (const frontend of this.#frontends) {
      const refusal = this.#refusalOf(frontend, facts)
      if (refusal === undefined) holding.push(frontend)
      else refused.push({ frontend: frontend.name, rule: frontend.rule, ...refusal })
    }
    const [first, ...later] = holding
    const outranked = later.map(({ name, rule, priority }) => ({ frontend: name, rule, priority }))
    const winner = first && winnerOf(first, facts)
    return { ...(winner && { winner }), refused, outranked, text: sentences(winner, refused, outranked) }
  }

  /** What keeps a frontend from a request, or nothing if it matches. */
  #refusalOf({ config, tree }: CompiledFrontend, facts: RequestFacts): Refusal | undefined {
    const { entryPoints } = config
    if (entryPoints && (facts.entryPoint === undefined || !entryPoints.includes(facts.entryPoint))) {
      return { by: `entryPoints ${entryPoints.join(',')}` }
    }
    try {
      const part = refusalIn(tree, facts)
      if (!part) return undefined
      const by = textOf(part, part.kind === 'term' ? part.form : 'traefik3', this.#matchers)
      return answerOf(part, facts) === undefined ? { by, unknown: whyUnknown(part, facts) } : { by }
    } catch (thrown) {
      return { by: `a matcher failed: ${asError(thrown).message}` }
    }
  }
}

type Refusal = Pick<RefusedFrontend, 'by' | 'unknown'>

function whyUnknown(part: RuleTree<CompiledTerm>, facts: RequestFacts): string {
  const unknown = termsOf(part).filter((term) => answerOf(term, facts) === undefined)
  const own = unknown.find(({ ranges }) => ranges === undefined)
  return own ? `${own.matcher} answered neither true nor false` : 'the client has no address'
}

const NOTHING: ReadonlyMap<string, CompiledFrontend> = new Map()

function byPriorityThenName(a: CompiledFrontend, b: CompiledFrontend): number {
  if (a.priority !== b.priority) return b.priority - a.priority
  return a.name < b.name ? -1 : 1
}

type Winner = NonNullable<RouterExplanation['winner']>

function winnerOf(frontend: CompiledFrontend, { path, query, clientAddress }: RequestFacts): Winner {
  const { name, backend, priority, rule } = frontend
  const location = frontend.otherSlash?.(path)
  const answer =
    location !== undefined
      ? ({ status: 301, location: query === '' ? location : `${location}?${query}` } as const)
      : frontend.isWhiteListed?.(clientAddress) === false
        ? ({ status: 403 } as const)
        : undefined
  const rewritten = frontend.rewrite?.(path).path
  return {
    ...{ frontend: name, backend, priority, rule },
    ...(rewritten !== undefined && { path: rewritten }),
    ...(answer && { answer }),
  }
}

/** A text is for people; all that was refused is in the data beside it. */
const MAX_LINES = 100

function sentences(
  winner: Winner | undefined,
  refused: RouterExplanation['refused'],
  outranked: RouterExplanation['outranked'],
): string {
  const lines = refused.slice(0, MAX_LINES).map((one) => `${one.frontend} ${describeRefusal(one)}`)
  if (refused.length > MAX_LINES) lines.push(`and ${refused.length - MAX_LINES} more do not match`)
  lines.push(describeWinner(winner))
  for (const { frontend, priority } of outranked.slice(0, MAX_LINES))
    lines.push(`${frontend} matches too, and comes later (priority ${priority})`)
  return lines.join('\n')
}

/** Why a frontend does not get a request: a sentence without its subject. */
export function describeRefusal({ by, unknown }: RefusedFrontend): string {
  return `does not match: ${by}${unknown === undefined ? '' : ` is unknown, for ${unknown}`}`
}

/** What becomes of a request, in a sentence. */
export function describeWinner(winner: Winner | undefined): string {
  if (!winner) return 'no frontend matches'
  const { frontend, backend, priority, rule, path, answer } = winner
  const outcome =
    answer?.status === 301
      ? `301 to ${answer.location}`
      : answer?.status === 403
        ? '403, the client is not on its white list'
        : `backend ${backend}${path === undefined ? '' : `, which gets ${path}`}`
  return `${frontend} matches (priority ${priority}, ${rule}): ${outcome}`
}
