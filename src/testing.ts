import { AssertionError } from 'node:assert'
import { domainToASCII } from 'node:url'
import { readClientAddress } from './base/cidr.js'
import { onlyKnownOptions } from './base/known-options.js'
import { describeValue, quote } from './base/messages.js'
import { hostOf } from './base/normalize-host.js'
import { normalizePath } from './base/normalize-path.js'
import { present } from './base/records.js'
import { hasNoBody } from './engine/client/has-no-body.js'
import { InMemoryClient } from './engine/client/in-memory-client.js'
import { dataPlanes } from './engine/data-planes.js'
import type { ProxyEngine } from './engine/proxy-engine.js'
import type { ProviderConfig } from './model/config.js'
import { configInvalid } from './model/errors.js'
import type { RequestFacts } from './model/request-facts.js'
import type { ReverseProxy } from './proxy/reverse-proxy.js'
import { describeRefusal, describeWinner, type RouterExplanation } from './routing/explain-route.js'
import { Router } from './routing/router.js'
import type { MatcherOptions } from './rules/matchers.js'
import { validateConfig } from './validation/validate-config.js'

/** The facts of a request that its URL does not contain. */
export interface RequestOptions {
  /** The client address; `''` for a client without an address. @default '192.0.2.1', an address for documentation (RFC 5737) */
  readonly clientAddress?: string
  /** The HTTP method. @default 'GET' */
  readonly method?: string
  /** The headers by name, in upper or lower case. A list stands for a header in several lines. @default none */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  /** The name of the entry point (listening address) that receives the request. @default a listener without a name */
  readonly entryPoint?: string
}

const REQUEST_OPTIONS = ['clientAddress', 'method', 'headers', 'entryPoint']

/**
 * Returns the facts of a request, which rules test, in the normal form of a running proxy.
 *
 * @param url `http://host/path?query`, or a path alone for a request that names no host
 * @throws TypeError if the URL has another form or `clientAddress` is not an address; ProxyError `PROXY_OPTION_INVALID` for an
 *   unknown option
 * @example new RuleMatcher('Host:a.test').matches(factsOf('http://a.test/', { method: 'POST' }))
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
    throw new TypeError(
      `${quote(url)} has a character that clients encode; a running proxy answers it with 400`,
    )
  }
  const { clientAddress = '192.0.2.1', method = 'GET', headers = {}, entryPoint } = options
  const client = clientAddress === '' ? { text: '' } : readClientAddress(String(clientAddress))
  if (!client) {
    throw new TypeError(
      `clientAddress: expected an IPv4 or IPv6 address, found ${describeValue(clientAddress)}`,
    )
  }
  // Turns a host name in another script into ASCII (Punycode), as browsers do.
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
 * Sends a request to a proxy or an engine without a socket, and returns what the client would get. Everything else is real: rules,
 * middlewares, hooks, and the connections to servers. Call `ready` of the proxy before, because no request starts it here.
 *
 * @param url `http://host/path?query`
 * @param options `clientAddress` is the address from which the request comes; `''` stands for a Unix socket
 * @throws TypeError if the URL has another form, or if the proxy breaks the response off
 * @example
 * const response = await requestTo(proxy, 'http://a.test/', { method: 'POST', body: 'hello' })
 * assert.equal(response.status, 403)
 */
export async function requestTo(
  proxy: ReverseProxy | ProxyEngine,
  url: string,
  options: RequestOptions & {
    /** The body. @default none */
    readonly body?: string | Buffer
  } = {},
): Promise<Response> {
  onlyKnownOptions(options, [...REQUEST_OPTIONS, 'body'], 'requestTo: ')
  const serving = dataPlanes.get('events' in proxy ? proxy.events : proxy)
  if (!serving) throw new TypeError(`expected a proxy or an engine, found ${describeValue(proxy)}`)
  const { body, ...asked } = options
  const { method, host, path, query, headers, clientAddress } = factsOf(url, asked)
  const lines = Object.entries(headers).flatMap(([name, values]) =>
    [values].flat().flatMap((value) => [name, value]),
  )
  const client = new InMemoryClient({
    method,
    target: query === '' ? path : `${path}?${query}`,
    headers: 'host' in headers ? lines : ['host', host, ...lines],
    peer: clientAddress === '' ? { isLocal: true } : { peerAddress: clientAddress },
    ...present({ body }),
  })
  serving.take(client, asked.entryPoint)
  const response = await client.response
  const { status, reason = '', isComplete } = response
  if (status === undefined || !isComplete) throw new TypeError('the proxy has broken the response off')
  const answer = new Response(hasNoBody(method, status) ? null : response.body, {
    status,
    statusText: reason,
  })
  for (let at = 0; at < response.headers.length; at += 2)
    answer.headers.append(String(response.headers[at]), String(response.headers[at + 1]))
  return answer
}

/**
 * A request, and what the router must do with it. All its expectations must be true, and it must have at least one. A
 * redirected or forbidden request reaches no server, so its row must have `redirectedTo` or `forbidden`.
 *
 * @example { url: 'http://admin.test/', clientAddress: '10.1.2.3', frontend: 'admin', path: '/' }
 */
export interface RouteExpectation extends RequestOptions {
  /** The URL of the request, as for `factsOf`. */
  readonly url: string
  /** The name of the frontend that must match and win. `null`: no frontend may match. */
  readonly frontend?: string | null
  /** The name of the backend of the frontend that must win. */
  readonly backend?: string
  /** The path that the server gets. */
  readonly path?: string
  /** The path and query to which the client is redirected by 301. @default no redirect */
  readonly redirectedTo?: string
  /** Whether the frontend's white list refuses the client with 403. @default false */
  readonly forbidden?: boolean
}

const EXPECTATIONS = ['frontend', 'backend', 'path', 'redirectedTo', 'forbidden'] as const

/**
 * Asserts which frontend a router finds for each request, without a socket. Throws one error for all rows that are not as
 * expected, each with the reason.
 *
 * @param routes a document or a router; a document is checked as a proxy checks it, but may lack backends
 * @param table the requests, each with the expected answer
 * @param options `matchers` and `keepTrailingSlash`, as for `Router.compile`; only for a document
 * @throws AssertionError that names each row that is not as expected; ProxyError `PROXY_CONFIG_INVALID` if the document is not
 *   valid, `PROXY_OPTION_INVALID` for an unknown field of a row; TypeError for an empty table or a row without an expectation
 * @example
 * assertRoutes(document, [
 *   { url: 'http://admin.test/', clientAddress: '10.1.2.3', frontend: 'admin' },
 *   { url: 'http://admin.test/', clientAddress: '8.8.8.8', frontend: null },
 * ])
 */
export function assertRoutes(
  routes: Router | (Pick<ProviderConfig, 'frontends'> & Partial<ProviderConfig>),
  table: readonly RouteExpectation[],
  options: MatcherOptions = {},
): void {
  if (!Array.isArray(table) || table.length === 0)
    throw new TypeError('expected a table with at least one row')
  if (routes instanceof Router && Object.keys(options).length > 0) {
    throw new TypeError('expected no options with a router, because it was compiled with its own')
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
  throw configInvalid(checked.issues)
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
  const differences = wrong.map((name) => `${name} ${shown(found[name])}, not ${shown(expected[name])}`)
  const reasons = reasonsOf(explanation, frontend).map((reason) => `\n    ${reason}`)
  return `  ${facts.method} ${url} from ${facts.clientAddress}: ${differences.join('; ')}${reasons.join('')}`
}

function shown(value: string | boolean | null | undefined): string {
  return typeof value === 'string'
    ? quote(value)
    : value === undefined || value === null
      ? 'none'
      : String(value)
}

/** Returns why the expected frontend did not win, and which frontend won. */
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
