import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import type { ProxyError } from '../model/errors.js'
import { publicMessage } from './failures.js'
import { hasBody } from './request-body.js'

/**
 * The one place that writes an error response: a small body, JSON if the client prefers that, else text. It names
 * the code and nothing of what lies behind the proxy.
 */
export function writeErrorResponse(req: IncomingMessage, res: ServerResponse, error: ProxyError): void {
  const json = prefersJson(req.headers.accept)
  const message = publicMessage(error)
  const body = json
    ? `${JSON.stringify({ error: { code: error.code, status: error.status, message } })}\n`
    : `${error.status} ${message} (${error.code})\n`
  const headers = [
    'Content-Type',
    json ? 'application/json' : 'text/plain; charset=utf-8',
    'Content-Length',
    String(Buffer.byteLength(body)),
  ]
  if (error.code === 'PROXY_NOT_READY') headers.push('Retry-After', '1')
  // What is left of the body would be taken for the next request's head, or read for nothing.
  if (hasBody(req) && !req.complete) headers.push('Connection', 'close')
  res.writeHead(error.status, STATUS_CODES[error.status] ?? 'Client Closed Request', headers)
  res.end(req.method === 'HEAD' ? undefined : body)
}

function prefersJson(accept: string | undefined): boolean {
  if (accept === undefined) return false
  const json = accept.search(/application\/(\w+\+)?json/)
  const text = accept.search(/text\/(plain|html|\*)/)
  return json >= 0 && (text < 0 || json < text)
}
