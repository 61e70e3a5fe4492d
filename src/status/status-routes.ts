import type { IncomingMessage, ServerResponse } from 'node:http'
import { isIP } from 'node:net'
import { maskCredentials } from '../base/credentials.js'
import { suggestName } from '../base/nearest-name.js'
import { ProxyError } from '../model/errors.js'
import type { DashboardFiles } from './dashboard-files.js'
import type { EventStream } from './event-stream.js'
import { healthView } from './health.js'
import type { History } from './history.js'
import { writeJson } from './json-pieces.js'
import type { LiveState, Page } from './live-state.js'
import { maskedText } from './masked.js'
import type { Metrics } from './metrics.js'
import type { StatusSource } from './status-source.js'
import { traefikView } from './traefik-api.js'
import type { Traffic } from './traffic.js'

/** The objects from which the status server's routes read their data. */
export interface StatusParts {
  readonly source: StatusSource
  readonly traffic: Traffic
  readonly history: History
  readonly live: LiveState
  readonly metrics: Metrics
  readonly events: EventStream
  readonly dashboard: DashboardFiles
  readonly unreadyWhileStale: boolean
}

/** One request to the status server, with its response. */
interface Asked {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly query: URLSearchParams
  /** The parts of the URL path that the capture groups of the route's pattern match. They are not percent-decoded. */
  readonly rest: readonly string[]
}

/** A function that answers the requests of one route. @returns false if nothing exists under the path of the request */
type Answer = (parts: StatusParts, asked: Asked) => Promise<boolean> | boolean

/**
 * The routes of the status server: each pattern for a URL path, with the function that answers it. Traefik 1.7's paths come
 * first. To add a path, add a row.
 */
export const STATUS_ROUTES: readonly (readonly [pattern: RegExp, answer: Answer])[] = [
  [/^\/$/, toDashboard],
  [/^\/dashboard$/, toDashboard],
  [/^\/dashboard\/([\w.-]*)$/, dashboardFile],
  [/^\/api(?:\/providers)?\/?$/, traefikApi],
  [/^\/api\/providers\/(.+)$/, traefikApi],
  [/^\/health$/, ({ traffic }, { res }) => json(res, healthView(traffic))],
  [/^\/ping$/, ping],
  [/^\/metrics$/, metrics],
  [/^\/ready$/, ready],
  [/^\/api\/config$/, ({ live }, { res }) => json(res, live.config())],
  [/^\/api\/history$/, ({ history }, { res }) => json(res, { entries: history.entries })],
  [/^\/api\/traffic$/, ({ traffic }, { res }) => json(res, { points: traffic.points })],
  [/^\/api\/frontends$/, async ({ live }, { res, query }) => json(res, await live.frontends(pageOf(query)))],
  [/^\/api\/backends$/, async ({ live }, { res, query }) => json(res, await live.backends(pageOf(query)))],
  [/^\/api\/explain$/, explain],
  [/^\/api\/events$/, events],
]

/** The URL path of the event stream. Its response never ends, so the limits for other answers do not apply to it. */
export const EVENTS_PATH = '/api/events'

/** The highest number of entries in each list in an answer of `/api/explain`. */
const MAX_EXPLAINED = 200
const MAX_PAGE = 500

function json(res: ServerResponse, value: unknown, status = 200): Promise<true> {
  res.writeHead(status, { 'Content-Type': 'application/json; charset=utf-8' })
  return writeJson(res, value).then(() => true)
}

function text(res: ServerResponse, status: number, body: string, type = 'text/plain; charset=utf-8'): true {
  res.writeHead(status, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body) })
  res.end(body)
  return true
}

/**
 * Redirects the client to the dashboard. If Express runs the status handler, it sets `baseUrl` to the path under which the
 * handler is mounted.
 */
function toDashboard(_parts: StatusParts, { req, res }: Asked): true {
  const { baseUrl = '' } = req as IncomingMessage & { baseUrl?: string }
  res.writeHead(302, { Location: `${baseUrl}/dashboard/`, 'Content-Length': 0 })
  res.end()
  return true
}

async function dashboardFile({ dashboard }: StatusParts, { res, rest }: Asked): Promise<boolean> {
  const file = await dashboard.get(rest[0] ?? '')
  if (!file) return false
  res.writeHead(200, { 'Content-Type': file.type, 'Content-Length': file.body.length })
  res.end(file.body)
  return true
}

function traefikApi({ source }: StatusParts, { res, rest }: Asked): Promise<boolean> | boolean {
  const path = (rest[0] ?? '').split('/').filter((segment) => segment !== '')
  const names = source.providers().map(({ provider }) => provider)
  const view = traefikView(source.engine.snapshot, names, path.map(decoded))
  return view === undefined ? text(res, 404, 'Not Found\n') : json(res, view)
}

function ping({ source }: StatusParts, { res }: Asked): true {
  return source.shutdown() ? text(res, 503, 'Service Unavailable') : text(res, 200, 'OK')
}

async function metrics({ metrics: all }: StatusParts, { req, res }: Asked): Promise<true> {
  const { type, body } = await all.read(req.headers.accept)
  return text(res, 200, body, type)
}

async function ready({ source, unreadyWhileStale }: StatusParts, { res }: Asked): Promise<true> {
  const reasons = source.providers().flatMap(({ provider, state, ageMs, staleSince }) => {
    if (ageMs === undefined) return `${provider}: no configuration of it is live yet`
    if (!unreadyWhileStale) return []
    if (staleSince !== undefined)
      return `${provider}: serves the last good configuration, kept since ${staleSince}`
    return state === 'unavailable' ? `${provider}: its source cannot be reached` : []
  })
  if (source.shutdown()) reasons.push('shutting down')
  return json(res, { ready: reasons.length === 0, reasons }, reasons.length === 0 ? 200 : 503)
}

async function explain({ source }: StatusParts, { req, res, query }: Asked): Promise<true> {
  checkExplained(query)
  const entryPoint = query.get('entryPoint')
  const { refused, outranked, winner, ...rest } = source.explain({
    host: query.get('host') ?? '',
    path: query.get('path') || '/',
    clientAddress: query.get('clientIp') || (req.socket.remoteAddress ?? ''),
    method: query.get('method') || 'GET',
    ...(entryPoint && { entryPoint }),
    ...(query.get('peerIp') && { peerAddress: query.get('peerIp') ?? '' }),
  })
  const listed = [
    ...(winner ? [winner] : []),
    ...refused.slice(0, MAX_EXPLAINED),
    ...outranked.slice(0, MAX_EXPLAINED),
  ]
  const names = new Set(listed.map(({ frontend }) => frontend))
  const frontends = (source.engine.snapshot?.router.frontends ?? []).filter(({ name }) => names.has(name))
  const hidden = (of: string) => maskedText(of, frontends)
  const shown = <T extends { readonly rule: string }>(entry: T): T => ({ ...entry, rule: hidden(entry.rule) })
  return json(res, {
    ...rest,
    text: hidden(rest.text),
    ...(winner && { winner: shown(winner) }),
    refused: refused.slice(0, MAX_EXPLAINED).map((entry) => ({ ...shown(entry), by: hidden(entry.by) })),
    refusedCount: refused.length,
    outranked: outranked.slice(0, MAX_EXPLAINED).map(shown),
    outrankedCount: outranked.length,
    servers: rest.servers
      .slice(0, MAX_EXPLAINED)
      .map((server) => ({ ...server, url: maskCredentials(server.url) })),
    serverCount: rest.servers.length,
  })
}

const EXPLAINED = ['host', 'path', 'clientIp', 'peerIp', 'method', 'entryPoint']

/** Checks the query parameters of a request for `/api/explain`. @throws ProxyError `PROXY_BAD_REQUEST` */
function checkExplained(query: URLSearchParams): void {
  for (const name of query.keys())
    if (!EXPLAINED.includes(name))
      throw badQuery(
        `there is no parameter ${name}${suggestName(name, EXPLAINED) || `; the known ones are ${EXPLAINED.join(', ')}`}`,
      )
  if (!query.get('host'))
    throw badQuery('host: expected the host of a request, such as ?host=www.example.com')
  const path = query.get('path') || '/'
  if (!path.startsWith('/'))
    throw badQuery(`path: expected a path that begins with /, found ${JSON.stringify(path)}`)
  for (const name of ['clientIp', 'peerIp']) {
    const address = query.get(name)
    // Accept an IP address or the word `unknown`. RFC 7239, section 6.2, uses this word for a client whose address is not known.
    if (address && address !== 'unknown' && isIP(address) === 0)
      throw badQuery(`${name}: expected an address or the word unknown, found ${JSON.stringify(address)}`)
  }
}

function events({ events: stream }: StatusParts, { req, res }: Asked): boolean {
  if (req.method === 'HEAD') return text(res, 200, '', 'text/event-stream; charset=utf-8')
  return stream.add(res) || text(res, 503, 'too many listeners\n')
}

/** Reads the search text, the offset and the limit of a list from a query. @throws ProxyError `PROXY_BAD_REQUEST` */
function pageOf(query: URLSearchParams): Page {
  const number = (name: string, standard: number, max: number): number => {
    const given = query.get(name)
    if (given === null || given === '') return standard
    const value = Number(given)
    if (!Number.isSafeInteger(value) || value < 0 || value > max)
      throw badQuery(`${name}: expected a whole number from 0 to ${max}, found ${JSON.stringify(given)}`)
    return value
  }
  return {
    search: query.get('search') ?? '',
    offset: number('offset', 0, Number.MAX_SAFE_INTEGER),
    limit: number('limit', 100, MAX_PAGE),
  }
}

/** Decodes the percent-encoding of one part of a URL path. @throws ProxyError `PROXY_BAD_REQUEST` if the encoding is wrong */
function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch (error) {
    throw new ProxyError('PROXY_BAD_REQUEST', `the path cannot be decoded: ${segment}`, { cause: error })
  }
}

function badQuery(message: string): ProxyError {
  return new ProxyError('PROXY_BAD_REQUEST', message)
}
