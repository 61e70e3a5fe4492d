import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

/**
 * The type of a request handler for node:http and for connect-style frameworks such as Express.
 * If no frontend matches, the handler calls `next`. Without `next`, the client gets 404
 * `PROXY_NO_ROUTE`, or 503 `PROXY_NOT_READY` until every provider has delivered a configuration.
 *
 * @example
 * ```ts
 * const server = createServer(serverOptions(), proxy.handler)
 * server.on('checkContinue', proxy.handler)
 * ```
 */
export type RequestHandler = (
  req: IncomingMessage,
  res: ServerResponse,
  next?: (error?: unknown) => void,
) => void

/**
 * The type of a handler for the `upgrade` event of a node:http server. If no frontend matches, the
 * handler leaves the socket untouched and calls `next`. Without `next`, such a request gets 404. If
 * the server has another `upgrade` listener, the handler leaves the request to that listener instead.
 *
 * @example
 * ```ts
 * server.on('upgrade', (req, socket, head) => {
 *   proxy.upgrade(req, socket, head, () => webSockets.handleUpgrade(req, socket, head, onOpen))
 * })
 * ```
 */
export type UpgradeHandler = (
  req: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  next?: (error?: unknown) => void,
) => void
