import type { IncomingMessage } from 'node:http'
import { ProxyError } from '../../../model/errors.js'

let hasWarned = false

/**
 * Returns the error for a request whose HTTP version the proxy does not serve. For HTTP/2, the application is at fault and
 * not the client, because the application passes requests of `node:http2` to the proxy. A process warning says so once.
 */
export function versionRefusal(req: IncomingMessage): ProxyError {
  const { httpVersion } = req
  const isHttp2 = req.httpVersionMajor === 2 && 'stream' in req
  if (!isHttp2)
    return new ProxyError(
      'PROXY_BAD_REQUEST',
      `HTTP/${httpVersion} is not supported; expected HTTP/1.0 or HTTP/1.1`,
    )
  const message = `HTTP/2 is not served yet: expected requests of node:http or node:https, found one of node:http2; ${HTTP2_WAY_OUT}`
  if (!hasWarned) process.emitWarning(message, { type: 'SwitchoverWarning', code: 'SWITCHOVER_HTTP2' })
  hasWarned = true
  return new ProxyError('PROXY_VERSION_UNSUPPORTED', message)
}

/** The last part of the error message about HTTP/2. It tells the application's developer what to do instead. */
export const HTTP2_WAY_OUT =
  'make the server with createServer of node:https, or end HTTP/2 in a proxy in front'
