/**
 * A frontend as a router returns it.
 *
 * @example
 * ```ts
 * const router = Router.compile({ frontends: { shop: { backend: 'pool', rule: 'Host:shop.example.com' } } })
 * const frontend: RoutedFrontend | undefined = router.frontends[0]
 * console.log(frontend?.name, frontend?.backend, frontend?.priority) // shop pool 21
 * ```
 */
export interface RoutedFrontend {
  /** The frontend's name: `name` from the document in a `Router`, `name@provider` in a running proxy. */
  readonly name: string
  /** The name of the backend that serves the frontend's requests, as written in the document. */
  readonly backend: string
  /** The frontend's rule as canonical text. If the frontend has several routes, their rules are joined by ` && `. */
  readonly rule: string
  /**
   * The frontend's priority: the router tries frontends with a higher priority first. If the document sets none, it is the length
   * of the rule in characters, as in Traefik.
   */
  readonly priority: number
}
