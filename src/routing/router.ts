import { runAtOnce } from '../base/run-steps.js'
import { MIDDLEWARES } from '../middlewares/middlewares.js'
import type { ProviderConfig } from '../model/config.js'
import type { RequestFacts } from '../model/request-facts.js'
import { checkMatcherOptions, type MatcherOptions, matcherTable } from '../rules/matchers.js'
import { CompiledRouter } from './compiled-router.js'
import type { RouterExplanation } from './explain-route.js'
import { refuseUnknownFields } from './refuse-unknown-fields.js'
import type { RoutedFrontend } from './routed-frontend.js'

/**
 * The frontends of a document, compiled and ordered by priority, then by name. A router answers a request with one frontend or
 * none. It opens no socket and never changes, so an application can use or test routes without a proxy.
 *
 * @example
 * ```ts
 * const router = Router.compile({
 *   frontends: {
 *     office: { backend: 'admin', rule: 'Host:admin.example.com;ClientIP:10.0.0.0/8' },
 *     others: { backend: 'sorry', rule: 'Host:admin.example.com' },
 *   },
 * })
 * const facts: RequestFacts = {
 *   method: 'GET',
 *   host: 'admin.example.com',
 *   path: '/',
 *   query: '',
 *   headers: {},
 *   clientAddress: '192.0.2.1',
 * }
 * router.match(facts)?.backend // 'sorry'
 * router.explain(facts).text // 'office does not match: ClientIP:10.0.0.0/8 ...'
 * ```
 */
export class Router {
  readonly #compiled: CompiledRouter

  private constructor(compiled: CompiledRouter) {
    this.#compiled = compiled
  }

  /**
   * Compiles the frontends of a document.
   *
   * @param config the document, of which only the field `frontends` is read
   * @param options the matchers of the embedding application, and the meaning of a slash at the end of a path
   * @throws ProxyError `PROXY_CONFIG_INVALID` with an issue for every guard that is not supported yet, such as `auth`. A router
   *   that ignored a guard would let every client in.
   * @throws ProxyError `PROXY_CONFIG_INVALID` with an issue for every rule that is wrong
   * @throws ProxyError `PROXY_OPTION_INVALID` for an unknown option, or for a matcher of the application whose name is taken or
   *   malformed
   * @example
   * ```ts
   * const frontends = { shop: { backend: 'pool', rule: 'Host:shop.example.com' } }
   * const router = Router.compile({ frontends }, { keepTrailingSlash: false })
   * ```
   */
  static compile(config: Pick<ProviderConfig, 'frontends'>, options: MatcherOptions = {}): Router {
    checkMatcherOptions(options, 'Router.compile')
    refuseUnknownFields(config.frontends)
    const steps = CompiledRouter.compileSteps(Object.entries(config.frontends), {
      matchers: matcherTable(options),
      middlewares: MIDDLEWARES,
    })
    return new Router(runAtOnce(steps))
  }

  /**
   * Returns the frontend that serves a request, or undefined if no rule holds. The frontend's white list is not checked.
   * `explain` tells whether the white list keeps the client out.
   *
   * @throws the error that a matcher of the embedding application throws
   */
  match(facts: RequestFacts): RoutedFrontend | undefined {
    return this.#compiled.match(facts)
  }

  /** All frontends, in the order in which the router tries them. */
  get frontends(): readonly RoutedFrontend[] {
    return this.#compiled.frontends
  }

  /**
   * Returns the frontends that the router tries before a given one, and whose rules allow the host and path of a request. Other
   * conditions of these rules are not tested. A frontend whose rule names several hosts or paths may be listed twice.
   *
   * @param rank the index of the given frontend in `frontends`
   * @example
   * ```ts
   * const rank = router.frontends.findIndex(({ name }) => name === 'others')
   * router.before(rank, facts).map(({ name }) => name) // ['office']
   * ```
   */
  before(rank: number, facts: RequestFacts): readonly RoutedFrontend[] {
    return this.#compiled.before(rank, facts)
  }

  /**
   * Explains the result of `match`: the frontend that wins, and for every other frontend why it does not win. It tests every
   * frontend, so it takes longer than `match`.
   *
   * @example
   * ```ts
   * const { winner, refused } = router.explain(facts)
   * console.log(winner?.frontend, refused.map(({ frontend, by }) => `${frontend}: ${by}`))
   * ```
   */
  explain(facts: RequestFacts): RouterExplanation {
    return this.#compiled.explain(facts)
  }
}
