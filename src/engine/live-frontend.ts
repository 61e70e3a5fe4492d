import { pathOf } from '../base/messages.js'
import type { Row } from '../middlewares/middleware-kind.js'
import { asError, configInvalid } from '../model/errors.js'
import type { Middleware, MiddlewareTools } from '../model/middleware.js'
import type { CompiledRouter } from '../routing/compiled-router.js'
import { compileChain } from './chain.js'

/** What the chains of all frontends are compiled with. */
export interface ChainTools {
  /** The table, with the rows of the application at its end. */
  readonly middlewares: readonly Row[]
  /** Middlewares that every frontend has behind its own: the hooks of the application. */
  readonly lastMiddlewares: readonly Middleware[]
}

const TOOLS: MiddlewareTools = { now: () => performance.now() }

/**
 * Compiles the chain of each frontend of a new configuration, in steps. A frontend that has not changed keeps its chain, with its
 * state. For any other one, each middleware may take over the state of the one before.
 *
 * @throws ProxyError `PROXY_CONFIG_INVALID` if a middleware of the application throws
 */
export function* compileChains(
  router: CompiledRouter,
  previous: CompiledRouter | undefined,
  { middlewares, lastMiddlewares }: ChainTools,
): Generator<void, void> {
  for (const frontend of router.frontends) {
    const before = previous?.named(frontend.name)
    if (before !== frontend) {
      try {
        frontend.chain = compileChain(frontend, middlewares, lastMiddlewares, before?.chain, TOOLS)
      } catch (thrown) {
        const path = pathOf('frontends', frontend.name)
        throw configInvalid([{ path, code: 'MIDDLEWARE_FAILED', message: asError(thrown).message }])
      }
    }
    yield
  }
}
