import { ERROR_CODES, type ErrorCode, type ProxyError } from '../../model/errors.js'
import type { ClientSide } from './client-side.js'
import { type Answered, type OwnResponse, sendOwn } from './own-response.js'

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

/** The response to an OPTIONS request that asks about this proxy itself, not about a server behind it (RFC 9110, 9.3.7). */
export function optionsResponse(): OwnResponse {
  return { status: 204, headers: ['Allow', ALLOWED_METHODS] }
}

/**
 * Returns the response for an error. All error responses of the proxy are made here. The body is small: JSON if the
 * client prefers JSON, else plain text. The body names the error code, and nothing about the servers behind the proxy.
 */
export function errorResponse({ headers: { accept } }: ClientSide, error: ProxyError): OwnResponse {
  const json = prefersJson(accept)
  const message = publicMessage(error)
  const { status, code } = error
  const body = json
    ? `${JSON.stringify({ error: { code, status, message } })}\n`
    : `${status} ${message} (${code})\n`
  const headers = [
    'Content-Type',
    json ? 'application/json' : 'text/plain; charset=utf-8',
    'Content-Length',
    String(Buffer.byteLength(body)),
  ]
  if (code === 'PROXY_NOT_READY') headers.push('Retry-After', '1')
  if (status === 405) headers.push('Allow', ALLOWED_METHODS)
  // Node knows no reason phrase for 499, a status of nginx.
  return { status, reason: status === 499 ? 'Client Closed Request' : undefined, headers, body }
}

/**
 * Returns whether the client's connection must close after the response for an error. If so, the proxy takes no further request
 * from it. The next bytes may be the rest of this request, or a smuggled request that no server may see.
 */
export function endsAfter(client: ClientSide, error: ProxyError): boolean {
  if (!ENDS_CONNECTION.has(error.code)) return freesDescriptor(error)
  client.takeNoMore()
  return true
}

/** Writes the response for an error. @param ends whether the connection must close after it; some errors close it anyway */
export function writeErrorResponse(answered: Answered, error: ProxyError, ends: boolean): void {
  const { client } = answered
  const mustEnd = endsAfter(client, error) || ends
  sendOwn(answered, errorResponse(client, error), mustEnd)
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
