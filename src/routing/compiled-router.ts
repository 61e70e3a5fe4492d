import type { Frontend } from '../model/config.js'
import { configInvalid, type Issue } from '../model/errors.js'
import type { RequestFacts } from '../model/request-facts.js'
import { type CompiledFrontend, compileFrontend } from './compile-frontend.js'
import { explainRoute, type RouterExplanation, type RouterTables } from './explain-route.js'
import { RouterIndex } from './router-index.js'
import { sortSteps } from './sort-steps.js'

/**
 * The frontends of one configuration, compiled, indexed and ordered by priority, then by name. A router never changes. The engine
 * and the status pages use this class. The embedding application gets a `Router`, which shows less of each frontend.
 */
export class CompiledRouter {
  /** All frontends, in the order in which the router tries them. */
  readonly frontends: readonly CompiledFrontend[]
  readonly #index: RouterIndex
  readonly #tables: RouterTables

  /** The frontends by their names. The map is built on first use, when the router of the next configuration is compiled. */
  #frontendsByName: ReadonlyMap<string, CompiledFrontend> | undefined

  private constructor(frontends: readonly CompiledFrontend[], index: RouterIndex, tables: RouterTables) {
    this.frontends = frontends
    this.#index = index
    this.#tables = tables
  }

  get #byName(): ReadonlyMap<string, CompiledFrontend> {
    this.#frontendsByName ??= new Map(this.frontends.map((frontend) => [frontend.name, frontend]))
    return this.#frontendsByName
  }

  /**
   * Compiles frontends in steps, so that the caller can serve requests between two steps.
   *
   * @param previous a router that was compiled with the same tables. If its configuration of a frontend is the same object, the
   *   compiled frontend is used again.
   * @throws ProxyError `PROXY_CONFIG_INVALID` with an issue for every rule that is wrong
   */
  static *compileSteps(
    frontends: Iterable<readonly [name: string, frontend: Frontend]>,
    tables: RouterTables,
    previous?: CompiledRouter,
  ): Generator<void, CompiledRouter> {
    const compiled: CompiledFrontend[] = []
    const issues: Issue[] = []
    const compiledBefore = previous ? previous.#byName : NOTHING
    for (const [name, frontend] of frontends) {
      const before = compiledBefore.get(name)
      compiled.push(
        before?.config === frontend ? before : compileFrontend(name, frontend, tables.matchers, issues),
      )
      yield
    }
    if (issues.length > 0) {
      throw configInvalid(issues)
    }
    const ordered = yield* sortSteps(compiled, byPriorityThenName)
    return new CompiledRouter(ordered, yield* RouterIndex.build(ordered), tables)
  }

  /** Returns the frontend of a name, or undefined if there is none. */
  named(name: string): CompiledFrontend | undefined {
    return this.#byName.get(name)
  }

  /** Returns the first frontend whose rule holds for a request, or undefined if no rule holds. */
  match(facts: RequestFacts): CompiledFrontend | undefined {
    return this.#index.match(facts)
  }

  /**
   * Returns the frontends that the router tries before a given one, and whose rules allow the host and path of a request.
   *
   * @param rank the index of the given frontend in `frontends`
   */
  before(rank: number, facts: RequestFacts): readonly CompiledFrontend[] {
    return this.#index.before(rank, facts).map(({ frontend }) => frontend)
  }

  /** Explains the result of `match` for a request, frontend by frontend. */
  explain(facts: RequestFacts): RouterExplanation {
    return explainRoute(this.frontends, this.#tables, facts)
  }
}

const NOTHING: ReadonlyMap<string, CompiledFrontend> = new Map()

function byPriorityThenName(a: CompiledFrontend, b: CompiledFrontend): number {
  if (a.priority !== b.priority) return b.priority - a.priority
  return a.name < b.name ? -1 : 1
}
