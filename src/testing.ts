import { AssertionError } from 'node:assert'
import { domainToASCII } from 'node:url'
import { readClientAddress } from './base/cidr.js'
import { onlyKnownOptions } from './base/known-options.js'
import { describeValue, quote } from './base/messages.js'
import { hostOf } from './base/normalize-host.js'
import { normalizePath } from './base/normalize-path.js'
import { present } from './base/records.js'
import type { ProviderConfig } from './model/config.js'
import { describeIssues, ProxyError } from './model/errors.js'
import type { RequestFacts } from './model/request-facts.js'
import { describeRefusal, describeWinner, type RouterExplanation } from './routing/explain-route.js'
import { Router } from './routing/router.js'
import type { MatcherOptions } from './rules/matchers.js'
import { validateConfig } from './validation/validate-config.js'

/** What a request is beside its URL. */
export interface RequestOptions {
  /** Who asks; `''`: a client without an address. Default `192.0.2.1`, an address that nobody has (RFC 5737). */
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
  const parts = /^(?:(?:https?|wss?):\/\/([^/?#@]+))?(\/[^?#]*)?(?:\?([^#]*))?$/i.exec(url)
  if (!parts || (parts[1] === undefined && parts[2] === undefined)) {
    const expected = 'a URL like http://a.test/path?query, without credentials and fragment, or a path'
    throw new TypeError(`expected ${expected}, found ${describeValue(url)}`)
  }
  const [, authority = '', path = '/', query = ''] = parts
  if (/[^\x21-\x7e]/.test(path + query)) {
    throw new TypeError(`${quote(url)} holds a character that clients encode: a running proxy answers 400`)
  }
  const { clientAddress = '192.0.2.1', method = 'GET', headers = {}, entryPoint } = options
  const client = clientAddress === '' ? { text: '' } : readClientAddress(String(clientAddress))
  if (!client) {
    throw new TypeError(
      `clientAddress: expected an IPv4 or IPv6 address, found ${describeValue(clientAddress)}`,
    )
  }
  // As browsers do with names in other scripts.
  const host = /[^\x20-\x7e]/.test(authority) ? domainToASCII(authority) : authority
  const lines = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])
  return {
    method,
    host: hostOf(host),
    path: normalizePath(path),
    query,
    headers: { ...(host !== '' && { host }), ...Object.fromEntries(lines) },
    clientAddress: client.text,
    ...present({ entryPoint }),
  }
}

/**
 * A request, and what is expected of the router. All that is named must be so; something must be. A request that is sent on,
 * or kept out, reaches no server: a row that expects that must say so.
 */
export interface RouteExpectation extends RequestOptions {
  readonly url: string
  /** The name of the frontend that wins; `null`: none does. */
  readonly frontend?: string | null
  /** The name of its backend. */
  readonly backend?: string
  /** The path that the backend's servers get. */
  readonly path?: string
  /** Where the client is sent by 301, path and query. Absent: nowhere. */
  readonly redirectedTo?: string
  /** Whether the frontend's white list keeps the client out, with 403. Default false. */
  readonly forbidden?: boolean
}

const EXPECTATIONS = ['frontend', 'backend', 'path', 'redirectedTo', 'forbidden'] as const

/**
 * Asserts where requests go, without a socket: one error for all rows that go elsewhere, each with the reason.
 *
 * @param routes a document, which is checked as a proxy would check it (backends may be left out), or a router
 * @param options `matchers` and `keepTrailingSlash`, as for `Router.compile`; a router has its own
 * @throws AssertionError that names each row that went elsewhere; ProxyError `PROXY_CONFIG_INVALID` if the document is not
 *   valid, `PROXY_OPTION_INVALID` for a field of a row that there is not; TypeError for a table that says nothing
 */
export function assertRoutes(
  routes: Router | (Pick<ProviderConfig, 'frontends'> & Partial<ProviderConfig>),
  table: readonly RouteExpectation[],
  options: MatcherOptions = {},
): void {
  if (!Array.isArray(table) || table.length === 0)
    throw new TypeError('expected a table with at least one row')
  if (routes instanceof Router && Object.keys(options).length > 0) {
    throw new TypeError('a router was compiled with options of its own; expected a document, or no options')
  }
  const router = routes instanceof Router ? routes : routerOf(routes, options)
  const failures = table.flatMap((row, index) => failureOf(router, row, index) ?? [])
  if (failures.length === 0) return
  throw new AssertionError({
    message: `${failures.length} of ${table.length} requests went elsewhere\n${failures.join('\n')}`,
  })
}

function routerOf(
  document: Pick<ProviderConfig, 'frontends'> & Partial<ProviderConfig>,
  options: MatcherOptions,
): Router {
  const router = Router.compile(document, options)
  const named = Object.values(document.frontends).map(({ backend }) => [backend, { servers: {} }])
  const checked = validateConfig({ backends: Object.fromEntries(named), ...document }, options)
  if (checked.ok) return router
  throw new ProxyError('PROXY_CONFIG_INVALID', describeIssues(checked.issues), { issues: checked.issues })
}

function failureOf(router: Router, row: RouteExpectation, index: number): string | undefined {
  onlyKnownOptions(row, ['url', ...EXPECTATIONS, ...REQUEST_OPTIONS], `row ${index + 1}: `)
  const { url, frontend, backend, path, redirectedTo, forbidden, ...request } = row
  const named = present({ frontend, backend, path, redirectedTo, forbidden })
  if (Object.keys(named).length === 0) {
    throw new TypeError(`row ${index + 1}: expected one of ${EXPECTATIONS.join(', ')}`)
  }
  const facts = factsOf(url, request)
  const explanation = router.explain(facts)
  const expected = { forbidden: false, redirectedTo: undefined, ...named }
  const found = outcomeOf(explanation, facts)
  const wrong = EXPECTATIONS.filter((name) => name in expected && expected[name] !== found[name])
  if (wrong.length === 0) return undefined
  const told = wrong.map((name) => `${name} ${shown(found[name])}, not ${shown(expected[name])}`)
  const reasons = reasonsOf(explanation, frontend).map((reason) => `\n    ${reason}`)
  return `  ${facts.method} ${url} from ${facts.clientAddress}: ${told.join('; ')}${reasons.join('')}`
}

function shown(value: string | boolean | null | undefined): string {
  return typeof value === 'string'
    ? quote(value)
    : value === undefined || value === null
      ? 'none'
      : String(value)
}

/** What became of the frontend that was expected, and which one won. */
function reasonsOf({ winner, refused, outranked }: RouterExplanation, expected?: string | null): string[] {
  const won = describeWinner(winner)
  if (expected === undefined || expected === null || expected === winner?.frontend) return [won]
  const refusal = refused.find(({ frontend }) => frontend === expected)
  if (refusal) return [`${expected} ${describeRefusal(refusal)}`, won]
  const later = outranked.some(({ frontend }) => frontend === expected)
  return [later ? `${expected} matches too, and comes later` : `there is no frontend ${quote(expected)}`, won]
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
