import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import { ERROR_CODES, type ErrorCode, type ProxyError } from '../../model/errors.js'
import { endConnection } from '../headers/lenient-parser.js'
import type { LingeringClose, UnreadBody } from './lingering-close.js'
import { hasBody } from './request-body.js'

/**
 * Errors after which the end of the request is uncertain, and so is
 * the start of the next one. The connection ends with the response.
 */
const ENDS_CONNECTION: ReadonlySet<ErrorCode> = new Set([
  'PROXY_BAD_REQUEST',
  'PROXY_CODING_UNSUPPORTED',
  'PROXY_METHOD_REFUSED',
])

/** The value of `Allow`: the standard methods without CONNECT and TRACE. A server may still refuse some of them. */
export const ALLOWED_METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS'

/** A request that the proxy answers itself. */
export interface Answered {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  /** The request's body, if a server has begun to read it. */
  readonly body?: UnreadBody | undefined
  /** Gives access to `lingering`, which closes connections in stages. Without an owner, Node closes the connection. */
  readonly owner?: { readonly inFlight: { readonly lingering: LingeringClose } }
}

/** Answers an OPTIONS request that asks about this proxy, not about a server behind it (RFC 9110, 9.3.7). */
export function answerOptions(exchange: Answered): void {
  const headers = ['Allow', ALLOWED_METHODS]
  if (hasMoreToCome(exchange)) endConnectionOf(exchange, headers)
  exchange.res.writeHead(204, headers)
  exchange.res.end()
}

/**
 * Redirects a client permanently (301) to another path of the same host (RFC 9110, 15.4.2).
 *
 * @param location path and query of the new target
 */
export function redirect(exchange: Answered, location: string): void {
  const headers = ['Location', location, 'Content-Length', '0']
  if (hasMoreToCome(exchange)) endConnectionOf(exchange, headers)
  exchange.res.writeHead(301, headers)
  exchange.res.end()
}

/**
 * Writes an error response. Every error response of the proxy is written here. The body is small: JSON if the
 * client prefers JSON, else plain text. It names the error code, and nothing about the servers behind the proxy.
 *
 * @param ends whether the connection must end with this response
 * @returns the number of bytes in the body
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
  // The next bytes may be the rest of this request, or an attempt to smuggle a request. No server may see them.
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

/**
 * Returns whether a part of the request's body has yet to arrive. On a connection that stays
 * open, the proxy would read that part for no purpose, or take it for the next request.
 */
function hasMoreToCome({ req }: Answered): boolean {
  return hasBody(req) && !req.complete && req.readableLength !== Number(req.headers['content-length'])
}

/** Ends the connection with this response. It closes in stages, because the client may still be sending. */
function endConnectionOf({ req, body, owner }: Answered, headers: string[]): void {
  headers.push('Connection', 'close')
  owner?.inFlight.lingering.after(req.socket, body)
}

/** Returns whether closing the connection helps, because the process has run out of file descriptors. */
function freesDescriptor({ code }: ProxyError): boolean {
  return code === 'PROXY_OUT_OF_RESOURCES'
}

function prefersJson(accept: string | undefined): boolean {
  if (accept === undefined) return false
  const json = accept.search(/application\/(\w+\+)?json/)
  const text = accept.search(/text\/(plain|html|\*)/)
  return json >= 0 && (text < 0 || json < text)
}

/** Returns the message that a client may see. It never holds names or addresses of servers. */
export function publicMessage(error: ProxyError): string {
  return ERROR_CODES[error.code].says
}
