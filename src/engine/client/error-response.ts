import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import { ERROR_CODES, type ErrorCode, type ProxyError } from '../../model/errors.js'
import { endConnection } from '../headers/lenient-parser.js'
import type { LingeringClose, UnreadBody } from './lingering-close.js'
import { hasBody } from './request-body.js'

/**
 * Errors after which the proxy cannot tell where the request ends and where
 * the next request begins. The connection closes after the error response.
 */
const ENDS_CONNECTION: ReadonlySet<ErrorCode> = new Set([
  'PROXY_BAD_REQUEST',
  'PROXY_CODING_UNSUPPORTED',
  'PROXY_METHOD_REFUSED',
])

/** Value of the `Allow` header: the standard methods without CONNECT and TRACE. A server may still refuse some of them. */
export const ALLOWED_METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS'

/** A request to which the proxy itself writes the response. */
export interface Answered {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  /** The request's body, if it is streamed to a server. */
  readonly body?: UnreadBody | undefined
  /**
   * The object that takes care of the request. Its `inFlight.lingering` closes connections
   * in stages. Without an owner, Node closes the connection after the response.
   */
  readonly owner?: { readonly inFlight: { readonly lingering: LingeringClose } }
}

/** Answers an OPTIONS request that asks about this proxy itself, not about a server behind it (RFC 9110, 9.3.7). */
export function answerOptions(exchange: Answered): void {
  const headers = ['Allow', ALLOWED_METHODS]
  if (hasMoreToCome(exchange)) endConnectionOf(exchange, headers)
  exchange.res.writeHead(204, headers)
  exchange.res.end()
}

/**
 * Answers with a permanent redirect (301) to another path under the same host name (RFC 9110, 15.4.2).
 *
 * @param location path and query for the `Location` header
 */
export function redirect(exchange: Answered, location: string): void {
  const headers = ['Location', location, 'Content-Length', '0']
  if (hasMoreToCome(exchange)) endConnectionOf(exchange, headers)
  exchange.res.writeHead(301, headers)
  exchange.res.end()
}

/**
 * Writes the response for an error. All error responses of the proxy are written here. The body is small: JSON if the
 * client prefers JSON, else plain text. The body names the error code, and nothing about the servers behind the proxy.
 *
 * @param ends whether the connection must close after this response; some errors close it anyway
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
  // After such an error, the proxy takes no further request from the connection. The next
  // bytes may be the rest of this request, or a smuggled request that no server may see.
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
 * Returns whether a part of the request's body has not arrived yet. If the connection stayed
 * open, the proxy would read that part for no purpose, or take it for the next request.
 */
function hasMoreToCome({ req }: Answered): boolean {
  return hasBody(req) && !req.complete && req.readableLength !== Number(req.headers['content-length'])
}

/** Makes the connection close after this response. It closes in stages, because the client may still be sending. */
function endConnectionOf({ req, body, owner }: Answered, headers: string[]): void {
  headers.push('Connection', 'close')
  owner?.inFlight.lingering.after(req.socket, body)
}

/** Returns whether the process has run out of file descriptors, so that closing the client's connection helps. */
function freesDescriptor({ code }: ProxyError): boolean {
  return code === 'PROXY_OUT_OF_RESOURCES'
}

function prefersJson(accept: string | undefined): boolean {
  if (accept === undefined) return false
  const json = accept.search(/application\/(\w+\+)?json/)
  const text = accept.search(/text\/(plain|html|\*)/)
  return json >= 0 && (text < 0 || json < text)
}

/** Returns the text for an error that a client may see. The text never has names or addresses of servers. */
export function publicMessage(error: ProxyError): string {
  return ERROR_CODES[error.code].says
}
