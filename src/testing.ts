import { AssertionError } from 'node:assert'
import type { ProviderConfig } from './model/config.js'
import type { RequestFacts } from './model/request-facts.js'
import { describeValue, quote } from './rules/document-shapes.js'
import { onlyKnownOptions } from './rules/known-options.js'
import type { MatcherOptions } from './rules/matchers.js'
import { hostOf } from './rules/normalize-host.js'
import { normalizePath } from './rules/normalize-path.js'
import { present } from './rules/records.js'
import { Router, type RouterExplanation } from './rules/router.js'

/** What a request is beside its URL. */
export interface RequestOptions {
  /** Who asks. Default `192.0.2.1`, an address that nobody has (RFC 5737). */
  readonly clientAddress?: string
  /** Default `GET`. */
  readonly method?: string
  /** Names in any case. Default: none. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  /** Name of the listener. Default: one without a name. */
  readonly entryPoint?: string
}

const REQUEST_OPTIONS = ['clientAddress', 'method', 'headers', 'entryPoint']

/**
 * The facts of a request, in the normal form in which a running proxy sees them.
 *
 * @param url `http://host/path?query`, or a path alone for a request that names no host
 * @throws TypeError if the URL is none of these
 */
export function factsOf(url: string, options: RequestOptions = {}): RequestFacts {
  onlyKnownOptions(options, REQUEST_OPTIONS, 'factsOf: ')
  const parts = /^(?:https?:\/\/([^/?#]+))?(\/[^?#]*)?(?:\?([^#]*))?$/i.exec(url)
  if (!parts || (parts[1] === undefined && parts[2] === undefined)) {
    throw new TypeError(
      `expected a URL like http://a.test/path?query, or a path, found ${describeValue(url)}`,
    )
  }
  const [, authority = '', path = '/', query = ''] = parts
  const { clientAddress = '192.0.2.1', method = 'GET', headers = {}, entryPoint } = options
  return {
    method,
    host: hostOf(authority),
    path: normalizePath(path),
    query,
    headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])),
    clientAddress,
    ...present({ entryPoint }),
  }
}

/** A request, and what is expected of the router. All that is named must be so; something must be. */
export interface RouteExpectation extends RequestOptions {
  readonly url: string
  /** The name of the frontend that wins; `null`: none does. */
  readonly frontend?: string | null
  /** The name of its backend. */
  readonly backend?: string
  /** The path that the backend's servers get. */
  readonly path?: string
  /** Where the client is sent by 301, path and query. */
  readonly redirectedTo?: string
  /** Whether the frontend's white list keeps the client out, with 403. */
  readonly forbidden?: boolean
}

const EXPECTATIONS = ['frontend', 'backend', 'path', 'redirectedTo', 'forbidden'] as const

/**
 * Asserts where requests go, without a socket: one error for all rows that go elsewhere, each with the reason.
 *
 * @param routes a document, or what was compiled of one
 * @param options as for `Router.compile`
 * @throws AssertionError that names each row that went elsewhere; ProxyError `PROXY_CONFIG_INVALID` if a rule is wrong;
 *   TypeError for a row without a URL or an expectation
 */
export function assertRoutes(
  routes: Router | Pick<ProviderConfig, 'frontends'>,
  table: readonly RouteExpectation[],
  options: MatcherOptions = {},
): void {
  const router = routes instanceof Router ? routes : Router.compile(routes, options)
  const failures = table.flatMap((row, index) => failureOf(router, row, index) ?? [])
  if (failures.length === 0) return
  throw new AssertionError({
    message: `${failures.length} of ${table.length} requests went elsewhere\n${failures.join('\n')}`,
  })
}

function failureOf(router: Router, row: RouteExpectation, index: number): string | undefined {
  const { url, frontend, backend, path, redirectedTo, forbidden, ...request } = row
  onlyKnownOptions(request, REQUEST_OPTIONS, `row ${index + 1}: `)
  const expected = present({ frontend, backend, path, redirectedTo, forbidden })
  if (Object.keys(expected).length === 0) {
    throw new TypeError(`row ${index + 1}: expected one of ${EXPECTATIONS.join(', ')}`)
  }
  const facts = factsOf(url, request)
  const explanation = router.explain(facts)
  const found = outcomeOf(explanation, facts)
  const wrong = EXPECTATIONS.filter((name) => name in expected && expected[name] !== found[name])
  if (wrong.length === 0) return undefined
  const told = wrong.map(
    (name) => `${name} ${quote(String(found[name]))}, not ${quote(String(expected[name]))}`,
  )
  const reasons = explanation.text.replaceAll('\n', '\n    ')
  return `  ${facts.method} ${url} from ${facts.clientAddress}: ${told.join('; ')}\n    ${reasons}`
}

function outcomeOf({ winner }: RouterExplanation, { path }: RequestFacts) {
  const { answer } = winner ?? {}
  return {
    frontend: winner?.frontend ?? null,
    backend: winner?.backend,
    path: winner && (winner.path ?? path),
    redirectedTo: answer?.status === 301 ? answer.location : undefined,
    forbidden: answer?.status === 403,
  }
}
