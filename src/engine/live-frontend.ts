import { describeValue, pathOf } from '../base/messages.js'
import type { ChainSource, Row } from '../middlewares/middleware-kind.js'
import { asError, configInvalid } from '../model/errors.js'
import type { Chain, Middleware, MiddlewareTools } from '../model/middleware.js'
import { onRejected } from '../model/rejections.js'
import type { CompiledRouter } from '../routing/compiled-router.js'

/** What the chains of all frontends are compiled with. */
export interface ChainTools {
  /** The table, with the rows of the application at its end. */
  readonly middlewares: readonly Row[]
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
  { middlewares }: ChainTools,
): Generator<void, void> {
  for (const frontend of router.frontends) {
    const before = previous?.named(frontend.name)
    if (before !== frontend) {
      try {
        frontend.chain = compileChain(frontend, middlewares, before?.chain)
      } catch (thrown) {
        const path = pathOf('frontends', frontend.name)
        throw configInvalid([{ path, code: 'MIDDLEWARE_FAILED', message: asError(thrown).message }])
      }
    }
    yield
  }
}

/**
 * Compiles the middlewares of a frontend or an entry point, in the order of the table.
 *
 * @param before the chain of the same frontend or entry point before
 * @returns undefined if it asks for none
 */
export function compileChain(
  source: ChainSource,
  rows: readonly Row[],
  before: Chain | undefined,
): Chain | undefined {
  const fields: string[] = []
  const middlewares: Middleware[] = []
  for (const row of rows) {
    const config = row.of(source)
    if (config === undefined) continue
    const at = before?.fields.indexOf(row.field) ?? -1
    middlewares.push(checked(row.field, row.compile(config, TOOLS, before?.middlewares[at])))
    fields.push(row.field)
  }
  if (middlewares.length === 0) return undefined
  return {
    fields,
    middlewares,
    seesServers: middlewares.some(({ onServer }) => onServer),
    seesResponses: middlewares.some(({ onResponse }) => onResponse),
    transformsBodies: middlewares.some(({ transformBody }) => transformBody),
  }
}

const FUNCTIONS = ['onRequest', 'onServer', 'onResponse', 'transformBody'] as const

/** Returns what `compile` has made. @throws Error if it is no middleware: it may be meant to guard */
function checked(field: string, made: unknown): Middleware {
  onRejected(made, () => {})
  const middleware = (typeof made === 'object' ? (made ?? {}) : {}) as Partial<Middleware>
  const isWrong = (name: (typeof FUNCTIONS)[number]) =>
    middleware[name] !== undefined && typeof middleware[name] !== 'function'
  if (typeof middleware.name === 'string' && !FUNCTIONS.some(isWrong)) return middleware as Middleware
  throw new Error(
    `${field}: expected compile to return a middleware with a name, found ${describeValue(made)}`,
  )
}
