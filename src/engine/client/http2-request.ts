import type { IncomingMessage } from 'node:http'
import { ProxyError } from '../../model/errors.js'

let isTold = false

/**
 * Why a request of an HTTP version that is not served is refused. One of `node:http2` is no fault of its client: the host
 * gave its server's requests to the proxy, and a warning of the process says so once.
 */
export function versionRefusal(req: IncomingMessage): ProxyError {
  const { httpVersion } = req
  const isHttp2 = req.httpVersionMajor === 2 && 'stream' in req
  if (!isHttp2) return new ProxyError('PROXY_BAD_REQUEST', `HTTP/${httpVersion} is not spoken here`)
  const message = `HTTP/2 is not served yet: expected requests of node:http or node:https, found one of node:http2; ${HTTP2_WAY_OUT}`
  if (!isTold) process.emitWarning(message, { type: 'SwitchoverWarning', code: 'SWITCHOVER_HTTP2' })
  isTold = true
  return new ProxyError('PROXY_VERSION_UNSUPPORTED', message)
}

/** What a host does instead. */
export const HTTP2_WAY_OUT =
  'make the server with createServer of node:https, or end HTTP/2 in a proxy in front'
