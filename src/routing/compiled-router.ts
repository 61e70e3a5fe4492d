import type { Frontend } from '../model/config.js'
import { configInvalid, type Issue } from '../model/errors.js'
import type { RequestFacts } from '../model/request-facts.js'
import type { MatcherTable } from '../rules/matchers.js'
import { type CompiledFrontend, compileFrontend } from './compile-frontend.js'
import { explainRoute, type RouterExplanation } from './explain-route.js'
import { RouterIndex } from './router-index.js'
import { sortSteps } from './sort-steps.js'

/**
 * The frontends of one configuration, compiled, indexed and ordered by priority, then by name. It never changes. The engine
 * and the status pages read it. Hosts get a `Router`, which shows less of each frontend.
 */
export class CompiledRouter {
  /** All frontends, in the order in which the router tries them. */
  readonly frontends: readonly CompiledFrontend[]
  /** The index by host and path. `Router` asks it directly, so that its `match` has no extra call. */
  readonly index: RouterIndex
  readonly #matchers: MatcherTable

  /** The frontends by their names. Made on first use, which is when the next router is compiled. */
  #frontendsByName: ReadonlyMap<string, CompiledFrontend> | undefined

  private constructor(frontends: readonly CompiledFrontend[], index: RouterIndex, matchers: MatcherTable) {
    this.frontends = frontends
    this.index = index
    this.#matchers = matchers
  }

  get #byName(): ReadonlyMap<string, CompiledFrontend> {
    this.#frontendsByName ??= new Map(this.frontends.map((frontend) => [frontend.name, frontend]))
    return this.#frontendsByName
  }

  /**
   * Compiles frontends in steps, so that a caller that serves requests can pause between them.
   *
   * @param previous a router compiled with the same matchers. A frontend whose configuration is the same object there is not
   *   compiled again.
   * @throws ProxyError `PROXY_CONFIG_INVALID` with an issue for every rule that is wrong
   */
  static *compileSteps(
    frontends: Iterable<readonly [name: string, frontend: Frontend]>,
    matchers: MatcherTable,
    previous?: CompiledRouter,
  ): Generator<void, CompiledRouter> {
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
    return new CompiledRouter(ordered, yield* RouterIndex.build(ordered), matchers)
  }

  /** Returns the first frontend whose rule holds for a request, if there is one. */
  match(facts: RequestFacts): CompiledFrontend | undefined {
    return this.index.match(facts)
  }

  /**
   * Returns the frontends that the router tries before a given one, and that the host and path of a request allow.
   *
   * @param rank the index of the given frontend in `frontends`
   */
  before(rank: number, facts: RequestFacts): readonly CompiledFrontend[] {
    return this.index.before(rank, facts).map(({ frontend }) => frontend)
  }

  /** Explains why `match` answers as it does. */
  explain(facts: RequestFacts): RouterExplanation {
    return explainRoute(this.frontends, this.#matchers, facts)
  }
}

const NOTHING: ReadonlyMap<string, CompiledFrontend> = new Map()

function byPriorityThenName(a: CompiledFrontend, b: CompiledFrontend): number {
  if (a.priority !== b.priority) return b.priority - a.priority
  return a.name < b.name ? -1 : 1
}
