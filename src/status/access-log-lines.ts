import { STATUS_CODES } from 'node:http'
import type { EndedRequest } from '../engine/request-reports.js'
import { isLabelled, type Metadata } from '../model/metadata.js'
import type { LoggedHeaders } from './access-log-headers.js'

/** The data that one line of the access log is built from. */
export interface Line {
  readonly request: EndedRequest
  readonly status: number
  readonly durationMs: number
  /** The number of the request, counted from the start of the access log. Requests that the filters leave out count too. */
  readonly count: number
  /** The time when the request ended, as returned by `Date.now()`. */
  readonly endedAt: number
  readonly headers: LoggedHeaders | undefined
}

/**
 * Returns the access log's fields for one request, with the names that Traefik 1.7 uses. Durations are nanoseconds, as in
 * Traefik. Fields of Traefik that the proxy cannot know are missing: `ClientUsername`, `GzipRatio`, `OriginDuration`, `Overhead`.
 */
export function entryOf({
  request,
  status,
  durationMs,
  count,
  endedAt,
  headers,
}: Line): Record<string, unknown> {
  const { client, facts, frontend, backend, server, error, clientAddress } = request
  const { authority, host, port } = authorityOf(client.headers.host ?? '')
  const statusLine = `${status} ${STATUS_CODES[status] ?? ''}`
  const answered = server !== undefined && error === undefined
  const started = endedAt - durationMs
  return {
    StartUTC: utcTime(started),
    StartLocal: localTime(started),
    Duration: Math.round(durationMs * 1e6),
    ...(frontend && { FrontendName: frontend.name, ...labels('FrontendMetadata', frontend.config) }),
    ...(backend && { BackendName: backend.name, ...labels('BackendMetadata', backend.config) }),
    ...(server && { BackendURL: server.url, BackendAddr: server.host, ...labels('ServerMetadata', server) }),
    ClientAddr: `${clientAddress}:${client.connection.peerPort ?? 0}`,
    ClientHost: clientAddress,
    ClientPort: String(client.connection.peerPort ?? ''),
    RequestAddr: authority,
    RequestHost: facts?.host ?? host,
    RequestPort: port,
    RequestMethod: client.method,
    RequestPath: client.target,
    RequestProtocol: `HTTP/${client.httpVersion}`,
    RequestLine: `${client.method} ${client.target} HTTP/${client.httpVersion}`,
    RequestContentSize: Number(client.headers['content-length'] ?? 0),
    ...(answered && {
      OriginStatus: status,
      OriginStatusLine: statusLine,
      OriginContentSize: request.bodyBytes,
    }),
    DownstreamStatus: status,
    DownstreamStatusLine: statusLine,
    DownstreamContentSize: request.bodyBytes,
    RequestCount: count,
    RetryAttempts: request.tries.retries,
    ...(error && { error: error.code }),
    ...headers,
  }
}

/**
 * Returns the fields of `entryOf` as one line of JSON, with level, message and time. The line is joined from pieces of text, some
 * of them cached. Building the line with `JSON.stringify(entryOf(...))` took more time for each request than the rest of the
 * proxy.
 */
export function lineAsJson({ request, status, durationMs, count, endedAt, headers }: Line): string {
  const {
    client,
    facts,
    frontend,
    server,
    error,
    tries: { retries },
    clientAddress,
  } = request
  const { authority, host, port } = authorityOf(client.headers.host ?? '')
  const started = endedAt - durationMs
  const remotePort = client.connection.peerPort ?? 0
  const path = json(client.target).slice(1, -1)
  const method = json(client.method).slice(1, -1)
  const statusLine = `${status} ${STATUS_CODES[status] ?? ''}`
  const answered = server !== undefined && error === undefined
  return `{"StartUTC":"${utcTime(started)}","StartLocal":"${localTime(started)}","Duration":${Math.round(durationMs * 1e6)}${
    frontend ? partOf(frontend, frontendPart) : ''
  }${request.backend ? partOf(request.backend, backendPart) : ''}${server ? partOf(server, serverPart) : ''},"ClientAddr":${json(`${clientAddress}:${remotePort}`)},"ClientHost":${json(clientAddress)},"ClientPort":"${client.connection.peerPort ?? ''}","RequestAddr":${json(authority)},"RequestHost":${json(facts?.host ?? host)},"RequestPort":"${port}","RequestMethod":"${method}","RequestPath":"${path}","RequestProtocol":"HTTP/${client.httpVersion}","RequestLine":"${method} ${path} HTTP/${client.httpVersion}","RequestContentSize":${Number(client.headers['content-length'] ?? 0)}${
    answered
      ? `,"OriginStatus":${status},"OriginStatusLine":"${statusLine}","OriginContentSize":${request.bodyBytes}`
      : ''
  },"DownstreamStatus":${status},"DownstreamStatusLine":"${statusLine}","DownstreamContentSize":${request.bodyBytes},"RequestCount":${count},"RetryAttempts":${retries}${
    error ? `,"error":"${error.code}"` : ''
  }${headers ? membersOf(headers) : ''},"level":"info","msg":"","time":"${secondOf(endedAt).iso}"}\n`
}

/**
 * Cached pieces of JSON text, by the frontend, backend or server that a piece describes. The names and URLs in the pieces never
 * change.
 */
const parts = new WeakMap<object, string>()

function partOf<T extends object>(of: T, make: (of: T) => string): string {
  let part = parts.get(of)
  if (part === undefined) {
    part = make(of)
    parts.set(of, part)
  }
  return part
}

const frontendPart = ({ name, config }: NonNullable<EndedRequest['frontend']>) =>
  `,"FrontendName":${json(name)}${membersOf(labels('FrontendMetadata', config))}`
const backendPart = ({ name, config }: NonNullable<EndedRequest['backend']>) =>
  `,"BackendName":${json(name)}${membersOf(labels('BackendMetadata', config))}`
const serverPart = (server: NonNullable<EndedRequest['server']>) =>
  `,"BackendURL":${json(server.url)},"BackendAddr":${json(server.host)}${membersOf(labels('ServerMetadata', server))}`

/** Returns the metadata of an entry as a field of the log. Without metadata, there is no field. */
function labels(name: string, entry: { readonly metadata?: Metadata }): object {
  return isLabelled(entry) ? { [name]: entry.metadata } : {}
}

function membersOf(fields: object): string {
  const text = escaped(JSON.stringify(fields))
  return text === '{}' ? '' : `,${text.slice(1, -1)}`
}

function json(text: string): string {
  return SAFE.test(text) ? `"${text}"` : escaped(JSON.stringify(text))
}

/**
 * Matches control characters and line separators that `JSON.stringify` does not escape. Some log readers take these characters
 * for a line break or for the start of a terminal escape sequence.
 */
const UNESCAPED = /[\u007f-\u009f\u2028\u2029]/g

function escaped(json: string): string {
  return json.replaceAll(UNESCAPED, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/**
 * Returns a line in the Common Log Format, with referrer and user agent. Traefik's additions follow: request count, frontend
 * name, server URL and duration in milliseconds.
 */
export function lineAsCommon({ request, status, durationMs, count, endedAt }: Line): string {
  const { client, frontend, server, clientAddress } = request
  const { referer, 'user-agent': agent } = client.headers
  const time = secondOf(endedAt - durationMs).common
  const asked = `${quotable(client.method)} ${quotable(client.target)} HTTP/${client.httpVersion}`
  const rest = `${count} "${quotable(frontend?.name)}" "${quotable(server?.url)}" ${Math.round(durationMs)}ms`
  return `${clientAddress || '-'} - - [${time}] "${asked}" ${status} ${request.bodyBytes} "${quotable(referer)}" "${quotable(agent)}" ${rest}\n`
}

/** Matches a text that needs no escape between double quotes: printable ASCII without `"` and `\`. */
const SAFE = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/

/**
 * Escapes a text for a place between double quotes on one log line. An undefined or empty text becomes `-`. The text may come
 * from a client.
 */
function quotable(text: string | undefined): string {
  if (text === undefined || text === '') return '-'
  return SAFE.test(text) ? text : escaped(JSON.stringify(text)).slice(1, -1)
}

function authorityOf(authority: string): { authority: string; host: string; port: string } {
  const [, host = authority, port = '-'] = /^(.*):(\d+)$/.exec(authority) ?? []
  return { authority, host, port }
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/**
 * One point in time, to the second, as text in several formats. The texts are cached, because many requests begin or end in the
 * same second.
 */
interface Second {
  readonly at: number
  /** The date and time in UTC: `2026-11-26T11:54:46Z`. */
  readonly iso: string
  /** The date and time in UTC, without the final `Z`: `2026-11-26T11:54:46`. */
  readonly utc: string
  /** The date and time in the time zone of this machine, without the offset from UTC. */
  readonly local: string
  /** The offset of this machine's time zone from UTC: `Z` or `+08:00`. */
  readonly offset: string
  /** The date and time in UTC, as the Common Log Format has it: `26/Nov/2026:11:54:46 +0000`. */
  readonly common: string
}

/** A cache of the two seconds that were formatted last. Index 0 is for even seconds, and index 1 is for odd ones. */
const seconds: (Second | undefined)[] = [undefined, undefined]

function secondOf(ms: number): Second {
  const at = Math.floor(ms / 1e3)
  const known = seconds[at % 2]
  if (known?.at === at) return known
  const second = newSecond(at)
  seconds[at % 2] = second
  return second
}

function newSecond(at: number): Second {
  const date = new Date(at * 1e3)
  const utc = date.toISOString().slice(0, -5)
  const [, year, month, day, time] = /^(\d+)-(\d\d)-(\d\d)T([\d:]+)/.exec(utc) ?? []
  const minutes = -date.getTimezoneOffset()
  const two = (value: number) => String(Math.floor(value)).padStart(2, '0')
  const ahead = Math.abs(minutes)
  return {
    at,
    iso: `${utc}Z`,
    utc,
    local: new Date(at * 1e3 + minutes * 60_000).toISOString().slice(0, -5),
    offset: minutes === 0 ? 'Z' : `${minutes < 0 ? '-' : '+'}${two(ahead / 60)}:${two(ahead % 60)}`,
    common: `${day}/${MONTHS[Number(month) - 1]}/${year}:${time} +0000`,
  }
}

/** Formats a time in milliseconds since the epoch as RFC 3339, in UTC. */
function utcTime(ms: number): string {
  return `${secondOf(ms).utc}.${thousandths(ms)}Z`
}

/** Formats a time in milliseconds since the epoch as RFC 3339, in the time zone of this machine. */
function localTime(ms: number): string {
  const { local, offset } = secondOf(ms)
  return `${local}.${thousandths(ms)}${offset}`
}

function thousandths(ms: number): string {
  return String(Math.floor(ms) % 1_000).padStart(3, '0')
}
