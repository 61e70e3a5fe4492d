import type { IncomingMessage, Server } from 'node:http'
import { ProxyError } from '../../../model/errors.js'
import { Http1Connection } from './http1-connection.js'
import { versionRefusal } from './http2-request.js'
import { checkLenient, isLenient, warnIfLenient } from './lenient-parser.js'

/**
 * Refuses a request that Node's HTTP parser accepts, or that Node has changed, so that a server may read another request.
 *
 * @throws ProxyError `PROXY_BAD_REQUEST`, `PROXY_VERSION_UNSUPPORTED`
 */
export function checkParsed(req: IncomingMessage): void {
  const { socket, httpVersion } = req
  if (Http1Connection.of(socket).takesNoMore)
    throw new ProxyError('PROXY_BAD_REQUEST', 'the request came after one that ends its connection')
  if (httpVersion !== '1.1' && httpVersion !== '1.0') throw versionRefusal(req)
  if (hidesHeaders(req))
    throw new ProxyError(
      'PROXY_BAD_REQUEST',
      'the request has more headers than maxHeadersCount of the server, so that Node hides some of them',
    )
  const { server } = socket as { server?: Server }
  if (!isLenient(server)) return
  if (server) warnIfLenient(server)
  checkLenient(req)
}

/**
 * Returns whether Node has left out some headers of a request. Node silently drops headers beyond `maxHeadersCount` of the
 * `http.Server`, by default 1,000. The proxy would not see a dropped `Content-Length` or `Connection` header.
 */
export function hidesHeaders(req: IncomingMessage): boolean {
  const count = (req.socket as { server?: Server }).server?.maxHeadersCount ?? 1_000
  return count !== 0 && req.rawHeaders.length >= 2 * count
}
