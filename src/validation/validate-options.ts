import type { StrategyFactory } from '../balancing/strategies.js'
import type { MiddlewareKind } from '../middlewares/middleware-kind.js'
import type { MatcherOptions } from '../rules/matchers.js'
import type { UnsupportedFields } from './unsupported-fields.js'

/**
 * What a document may use besides what is built in, and what happens to fields that are not built yet.
 *
 * @example
 * ```ts
 * const options: ValidateOptions = {
 *   matchers: { Tenant: (names) => ({ headers }) => names.includes(String(headers['x-tenant'])) },
 *   unsupportedFields: 'warn',
 * }
 * const checked = validateConfig(document, options)
 * ```
 */
export interface ValidateOptions extends MatcherOptions {
  /**
   * The host's own strategies, by the name that `loadBalancer.method` uses.
   *
   * @default {}
   */
  readonly strategies?: Readonly<Record<string, StrategyFactory>>
  /**
   * The host's own kinds of middleware. Each adds a field that a frontend may have.
   *
   * @default []
   */
  readonly middlewares?: readonly MiddlewareKind[]
  /**
   * What happens to fields of Traefik that are not built yet. `'refuse'` makes each an issue. `'warn'` leaves each out with a
   * warning, but a guard such as `auth` stays an issue. `{ warn: ['frontends.*.auth'] }` leaves out the fields at these paths,
   * guards too.
   *
   * @default 'refuse'
   */
  readonly unsupportedFields?: UnsupportedFields
}
