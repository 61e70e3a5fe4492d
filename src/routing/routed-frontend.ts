/**
 * A frontend as a router answers with it.
 *
 * @example
 * ```ts
 * const router = Router.compile({ frontends: { shop: { backend: 'pool', rule: 'Host:shop.example.com' } } })
 * const frontend: RoutedFrontend | undefined = router.frontends[0]
 * console.log(frontend?.name, frontend?.backend, frontend?.priority) // shop pool 21
 * ```
 */
export interface RoutedFrontend {
  /** The name that the router was given: `name` from `Router.compile`, `name@provider` in a running proxy. */
  readonly name: string
  /** The name of the backend that serves the frontend's requests, as the document writes it. */
  readonly backend: string
  /** The frontend's rule as canonical text. The rules of several routes are joined by ` && `. */
  readonly rule: string
  /**
   * The router tries frontends of a higher priority first. Without `priority` in the document it is the length of the rule in
   * characters, as in Traefik.
   */
  readonly priority: number
}
