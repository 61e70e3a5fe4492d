import type { Row } from '../middlewares/middleware-kind.js'
import { type ChainStep, explainChain, NOT_ASKED } from '../middlewares/middlewares.js'
import { asError } from '../model/errors.js'
import type { RequestFacts } from '../model/request-facts.js'
import type { CompiledTerm } from '../rules/compile-rule.js'
import { textOf } from '../rules/format-rule.js'
import type { MatcherTable } from '../rules/matchers.js'
import { answerOf, type RuleTree, refusalIn, termsOf } from '../rules/rule-tree.js'
import type { CompiledFrontend } from './compile-frontend.js'

/**
 * Explains the routing of a request: the frontend that wins, and the reason why each other frontend does not win.
 *
 * @example
 * ```ts
 * const { winner, refused } = router.explain(facts)
 * if (winner?.answer?.status === 301) console.log('redirected to', winner.answer.location)
 * for (const { frontend, by } of refused) console.log(`${frontend} does not match because of ${by}`)
 * ```
 */
export interface RouterExplanation {
  /** The frontend that gets the request. Absent if no rule holds. */
  readonly winner?: {
    /** The frontend's name. */
    readonly frontend: string
    /** The name of the frontend's backend. */
    readonly backend: string
    /** The frontend's priority, with the same meaning as in `RoutedFrontend`. */
    readonly priority: number
    /** The frontend's rule as canonical text. */
    readonly rule: string
    /** The path after the frontend's path modifiers, which the server gets. Absent if the frontend has no path modifiers. */
    readonly path?: string
    /** The middlewares of the frontend in their order, and what each would say of the request. Empty if it has none. */
    readonly chain: readonly ChainStep[]
    /**
     * The response of the first middleware that answers, if the request reaches no server. Status 301 redirects the client to the
     * path with, or without, a final slash. Status 403 means that an address is not on the frontend's white list: the peer's, or
     * the client's with `useXForwardedFor`.
     */
    readonly answer?: { readonly status: number; readonly location?: string }
  }
  /** The frontends whose rules do not hold, in the order in which the router tries them. */
  readonly refused: readonly RefusedFrontend[]
  /** The frontends whose rules hold too, but which the router tries only after the winner. */
  readonly outranked: readonly {
    /** The frontend's name. */
    readonly frontend: string
    /** The frontend's rule as canonical text. */
    readonly rule: string
    /** The frontend's priority, with the same meaning as in `RoutedFrontend`. */
    readonly priority: number
  }[]
  /**
   * The explanation as text, with one line for each frontend. It has at most 100 refused and 100 outranked frontends: those with
   * the highest priority.
   */
  readonly text: string
}

/** A frontend whose rule does not hold for a request. */
export interface RefusedFrontend {
  /** The frontend's name. */
  readonly frontend: string
  /** The frontend's rule as canonical text. */
  readonly rule: string
  /**
   * The smallest part of the rule that does not hold, as canonical text. If the request came in on another entry point, `by`
   * names the frontend's entry points. If a matcher threw an error, `by` has the error's message.
   */
  readonly by: string
  /**
   * Why the answer of the part of the rule in `by` is unknown (neither true nor false). A frontend whose rule is unknown does not
   * match. Absent if nothing is unknown.
   */
  readonly unknown?: string
}

/** The names that rules and frontends may use. */
export interface RouterTables {
  readonly matchers: MatcherTable
  /** The middlewares, built-in ones and those of the application, in their order. */
  readonly middlewares: readonly Row[]
}

/**
 * Explains which frontend wins a request. It tests every frontend, so it takes longer than finding the winner alone.
 *
 * @param frontends all frontends, in the order in which the router tries them
 */
export function explainRoute(
  frontends: readonly CompiledFrontend[],
  { matchers, middlewares }: RouterTables,
  facts: RequestFacts,
): RouterExplanation {
  const refused: RefusedFrontend[] = []
  const holding: CompiledFrontend[] = []
  for (const frontend of frontends) {
    const refusal = refusalOf(frontend, matchers, facts)
    if (refusal === undefined) holding.push(frontend)
    else refused.push({ frontend: frontend.name, rule: frontend.rule, ...refusal })
  }
  const [first, ...later] = holding
  const outranked = later.map(({ name, rule, priority }) => ({ frontend: name, rule, priority }))
  const winner = first && winnerOf(first, middlewares, facts)
  return { ...(winner && { winner }), refused, outranked, text: sentences(winner, refused, outranked) }
}

/** Returns the reason why a frontend does not match a request, or undefined if it matches. */
function refusalOf(
  { config, tree }: CompiledFrontend,
  matchers: MatcherTable,
  facts: RequestFacts,
): Refusal | undefined {
  const { entryPoints } = config
  if (entryPoints && (facts.entryPoint === undefined || !entryPoints.includes(facts.entryPoint))) {
    return { by: `entryPoints ${entryPoints.join(',')}` }
  }
  try {
    const part = refusalIn(tree, facts)
    if (!part) return undefined
    const by = textOf(part, part.kind === 'term' ? part.form : 'traefik3', matchers)
    return answerOf(part, facts) === undefined ? { by, unknown: whyUnknown(part, facts) } : { by }
  } catch (thrown) {
    return { by: `a matcher failed: ${asError(thrown).message}` }
  }
}

type Refusal = Pick<RefusedFrontend, 'by' | 'unknown'>

function whyUnknown(part: RuleTree<CompiledTerm>, facts: RequestFacts): string {
  const unknown = termsOf(part).filter((term) => answerOf(term, facts) === undefined)
  const own = unknown.find(({ ranges }) => ranges === undefined)
  return own ? `${own.matcher} answered neither true nor false` : 'the client has no address'
}

type Winner = NonNullable<RouterExplanation['winner']>

function winnerOf(frontend: CompiledFrontend, middlewares: readonly Row[], facts: RequestFacts): Winner {
  const { name, backend, priority, rule } = frontend
  const { steps: chain, answer } = explainChain(frontend, middlewares, facts)
  const rewritten = frontend.rewrite?.(facts.path).path
  return {
    ...{ frontend: name, backend, priority, rule, chain },
    ...(rewritten !== undefined && { path: rewritten }),
    ...(answer && { answer }),
  }
}

/**
 * The most lines in an explanation's text for frontends that do not match, and the most for those that match but come later. The
 * lists `refused` and `outranked` have all frontends.
 */
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
    lines.push(`${frontend} matches too, but comes later (priority ${priority})`)
  return lines.join('\n')
}

/** Returns the words that say why a frontend does not match a request. The caller puts the frontend's name in front of them. */
export function describeRefusal({ by, unknown }: RefusedFrontend): string {
  return `does not match: ${by}${unknown === undefined ? '' : ` is unknown, because ${unknown}`}`
}

/** Returns a sentence that says which frontend gets a request, and what the frontend does with the request. */
export function describeWinner(winner: Winner | undefined): string {
  if (!winner) return 'no frontend matches'
  const { frontend, backend, priority, rule, path, answer, chain } = winner
  const outcome = answer
    ? describeAnswer(answer, chain)
    : `backend ${backend}${path === undefined ? '' : `, which gets ${path}`}`
  return `${frontend} matches (priority ${priority}, ${rule}): ${outcome}`
}

/** Returns in words what a middleware answers. @param chain the verdicts, of which the one before `is not asked` is the answer's */
export function describeAnswer(answer: NonNullable<Winner['answer']>, chain: readonly ChainStep[]): string {
  if (answer.location !== undefined) return `${answer.status} to ${answer.location}`
  const asked = chain.filter(({ verdict }) => verdict !== NOT_ASKED).at(-1)
  return asked === undefined ? String(answer.status) : `${answer.status}, ${asked.verdict}`
}
