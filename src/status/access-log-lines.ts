import { STATUS_CODES } from 'node:http'
import type { EndedRequest } from '../engine/request-reports.js'
import type { LoggedHeaders } from './access-log-headers.js'

/** All that a line is made of. */
export interface Line {
  readonly request: EndedRequest
  readonly status: number
  readonly durationMs: number
  /** The how manieth request it was. */
  readonly count: number
  /** As `Date.now()` said. */
  readonly endedAt: number
  readonly headers: LoggedHeaders | undefined
}

/**
 * The fields of a request by Traefik 1.7's names; durations in nanoseconds, as there. What is not known here is left out:
 * `ClientUsername`, `GzipRatio`, `OriginDuration`, `Overhead`.
 */
export function entryOf({
  request,
  status,
  durationMs,
  count,
  endedAt,
  headers,
}: Line): Record<string, unknown> {
  const { req, facts, frontend, backend, server, error, clientAddress } = request
  const { authority, host, port } = authorityOf(req.headers.host ?? '')
  const statusLine = `${status} ${STATUS_CODES[status] ?? ''}`
  const answered = server !== undefined && error === undefined
  const started = endedAt - durationMs
  return {
    StartUTC: new Date(started).toISOString(),
    StartLocal: localTime(started),
    Duration: Math.round(durationMs * 1e6),
    ...(frontend && { FrontendName: frontend.name }),
    ...(backend && { BackendName: backend.name }),
    ...(server && { BackendURL: server.url, BackendAddr: server.host }),
    ClientAddr: `${clientAddress}:${req.socket.remotePort ?? 0}`,
    ClientHost: clientAddress,
    ClientPort: String(req.socket.remotePort ?? ''),
    RequestAddr: authority,
    RequestHost: facts?.host ?? host,
    RequestPort: port,
    RequestMethod: req.method ?? '',
    RequestPath: req.url ?? '',
    RequestProtocol: `HTTP/${req.httpVersion}`,
    RequestLine: `${req.method} ${req.url} HTTP/${req.httpVersion}`,
    RequestContentSize: Number(req.headers['content-length'] ?? 0),
    ...(answered && {
      OriginStatus: status,
      OriginStatusLine: statusLine,
      OriginContentSize: request.bodyBytes,
    }),
    DownstreamStatus: status,
    DownstreamStatusLine: statusLine,
    DownstreamContentSize: sizeOf(request),
    RequestCount: count,
    RetryAttempts: request.retries,
    ...(error && { error: error.code }),
    ...headers,
  }
}

/** One line of JSON. */
export function lineAsJson(line: Line): string {
  const entry = { ...entryOf(line), level: 'info', msg: '', time: secondOf(line.endedAt).iso }
  return `${JSON.stringify(entry)}\n`
}

/** The Common Log Format with referrer and agent, and what Traefik adds: count, frontend, server, milliseconds. */
export function lineAsCommon({ request, status, durationMs, count, endedAt }: Line): string {
  const { req, frontend, server, clientAddress } = request
  const { referer, 'user-agent': agent } = req.headers
  const time = secondOf(endedAt - durationMs).common
  const asked = `${quotable(req.method)} ${quotable(req.url)} HTTP/${req.httpVersion}`
  const rest = `${count} "${quotable(frontend?.name)}" "${quotable(server?.url)}" ${Math.round(durationMs)}ms`
  return `${clientAddress || '-'} - - [${time}] "${asked}" ${status} ${sizeOf(request)} "${quotable(referer)}" "${quotable(agent)}" ${rest}\n`
}

/** Of a response's body, in bytes; an answer of our own says its length in its head. */
function sizeOf({ res, bodyBytes, error }: EndedRequest): number {
  return error && bodyBytes === 0 ? Number(res.getHeader('content-length') ?? 0) : bodyBytes
}

const SAFE = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/

/** A text that may stand between quotes on one line, whatever a client sent. */
function quotable(text: string | undefined): string {
  if (text === undefined || text === '') return '-'
  return SAFE.test(text) ? text : JSON.stringify(text).slice(1, -1)
}

function authorityOf(authority: string): { authority: string; host: string; port: string } {
  const [, host = authority, port = '-'] = /^(.*):(\d+)$/.exec(authority) ?? []
  return { authority, host, port }
}

/** Times of one second, in both forms: many requests end in the same. */
let second = { at: -1, iso: '', common: '' }

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

function secondOf(ms: number): { readonly iso: string; readonly common: string } {
  const at = Math.floor(ms / 1e3)
  if (at === second.at) return second
  const iso = new Date(at * 1e3).toISOString()
  const [, year, month, day, time] = /^(\d+)-(\d\d)-(\d\d)T([\d:]+)/.exec(iso) ?? []
  const common = `${day}/${MONTHS[Number(month) - 1]}/${year}:${time} +0000`
  second = { at, iso: iso.replace('.000', ''), common }
  return second
}

/** RFC 3339 with this machine's offset. */
function localTime(ms: number): string {
  const minutes = -new Date(ms).getTimezoneOffset()
  const text = new Date(ms + minutes * 60_000).toISOString().slice(0, -1)
  if (minutes === 0) return `${text}Z`
  const two = (value: number) => String(Math.floor(value)).padStart(2, '0')
  return `${text}${minutes < 0 ? '-' : '+'}${two(Math.abs(minutes) / 60)}:${two(Math.abs(minutes) % 60)}`
}
