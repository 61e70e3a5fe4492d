import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

/**
 * A request handler for node:http and for connect-style frameworks such as Express. It calls `next` if no frontend matches.
 * Without `next`, the client gets 404 `PROXY_NO_ROUTE`, or 503 `PROXY_NOT_READY` until every provider has delivered.
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
 * A handler of node:http's `upgrade` event. It calls `next` if no frontend matches, and leaves the socket untouched. Without
 * `next`, such a request gets 404. If the server has another `upgrade` listener, the request is left to that listener instead.
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
