import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import { ERROR_CODES, type ErrorCode, type ProxyError } from '../../model/errors.js'
import { endConnection } from '../headers/lenient-parser.js'
import type { LingeringClose, UnreadBody } from './lingering-close.js'
import { hasBody } from './request-body.js'

/** Where a request ended is in doubt after these, and so where the next one begins. */
const ENDS_CONNECTION: ReadonlySet<ErrorCode> = new Set([
  'PROXY_BAD_REQUEST',
  'PROXY_CODING_UNSUPPORTED',
  'PROXY_METHOD_REFUSED',
])

/** Not a promise: what is routed decides. CONNECT and TRACE are what is missing. */
export const ALLOWED_METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS'

/** A request that is answered here. */
export interface Answered {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  /** What servers have read of its body, if any has. */
  readonly body?: UnreadBody | undefined
  /** Closes connections in stages; without it Node closes this one. */
  readonly owner?: { readonly inFlight: { readonly lingering: LingeringClose } }
}

/** The answer to OPTIONS that asks about this proxy, not about what stands behind it (RFC 9110, 9.3.7). */
export function answerOptions(exchange: Answered): void {
  const headers = ['Allow', ALLOWED_METHODS]
  if (hasMoreToCome(exchange)) endConnectionOf(exchange, headers)
  exchange.res.writeHead(204, headers)
  exchange.res.end()
}

/**
 * Sends a client to another path of the same host, for good (RFC 9110, 15.4.2).
 *
 * @param location path and query
 */
export function redirect(exchange: Answered, location: string): void {
  const headers = ['Location', location, 'Content-Length', '0']
  if (hasMoreToCome(exchange)) endConnectionOf(exchange, headers)
  exchange.res.writeHead(301, headers)
  exchange.res.end()
}

/**
 * The one place that writes an error response: a small body, JSON if the client prefers that, else text. It names
 * the code and nothing of what lies behind the proxy.
 *
 * @param ends whether the connection ends with it in any case
 * @returns the bytes of the body
 */
export function writeErrorResponse(exchange: Answered, error: ProxyError, ends: boolean): number {
  const { req, res } = exchange
  const json = prefersJson(req.headers.accept)
  const message = publicMessage(error)
  const body = json
    ? `${JSON.stringify({ error: { code: error.code, status: error.status, message } })}\n`
    : `${error.status} ${message} (${error.code})\n`
  const bytes = Buffer.byteLength(body)
  const headers = [
    'Content-Type',
    json ? 'application/json' : 'text/plain; charset=utf-8',
    'Content-Length',
    String(bytes),
  ]
  if (error.code === 'PROXY_NOT_READY') headers.push('Retry-After', '1')
  if (error.status === 405) headers.push('Allow', ALLOWED_METHODS)
  // What follows may be this request's body, or made to be taken for a request: no server is to see it.
  if (ENDS_CONNECTION.has(error.code)) endConnection(req.socket)
  if (ends || ENDS_CONNECTION.has(error.code) || freesDescriptor(error) || hasMoreToCome(exchange))
    endConnectionOf(exchange, headers)
  res.writeHead(error.status, STATUS_CODES[error.status] ?? 'Client Closed Request', headers)
  if (req.method === 'HEAD') {
    res.end()
    return 0
  }
  res.end(body)
  return bytes
}

/** What is left of a body would be taken for the next request's head, or read for nothing. */
function hasMoreToCome({ req }: Answered): boolean {
  return hasBody(req) && !req.complete && req.readableLength !== Number(req.headers['content-length'])
}

/** The connection ends with this response, in stages: its client may still be sending. */
function endConnectionOf({ req, body, owner }: Answered, headers: string[]): void {
  headers.push('Connection', 'close')
  owner?.inFlight.lingering.after(req.socket, body)
}

/** Its connection is one of those that were too many. */
function freesDescriptor({ code }: ProxyError): boolean {
  return code === 'PROXY_OUT_OF_RESOURCES'
}

function prefersJson(accept: string | undefined): boolean {
  if (accept === undefined) return false
  const json = accept.search(/application\/(\w+\+)?json/)
  const text = accept.search(/text\/(plain|html|\*)/)
  return json >= 0 && (text < 0 || json < text)
}

/** What a client is told: never the names or addresses of servers. */
export function publicMessage(error: ProxyError): string {
  return ERROR_CODES[error.code].says
}
