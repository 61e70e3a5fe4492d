import type { IncomingMessage } from 'node:http'
import type { RequestHead } from '../../headers/request-head.js'
import { Http1Connection } from './http1-connection.js'

/** Returns the head of a request that may not become an exchange, such as an upgrade request that no frontend matches. */
export function headOf(req: IncomingMessage): RequestHead {
  const { method = 'GET', url: target = '/', httpVersion, rawHeaders, headers, socket } = req
  return { method, target, httpVersion, rawHeaders, headers, connection: Http1Connection.of(socket) }
}
