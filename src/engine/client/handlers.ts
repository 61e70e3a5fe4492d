import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

/** A request handler for node:http, and for connect-style frameworks: `next` is called where no frontend matches. */
export type RequestHandler = (
  req: IncomingMessage,
  res: ServerResponse,
  next?: (error?: unknown) => void,
) => void
/**
 * A handler of node:http's `upgrade` event. `next` is called where no frontend matches; the socket is untouched then.
 * Without `next`, such a request gets 404, unless another listener hears of it: then it is left to that one.
 */
export type UpgradeHandler = (
  req: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  next?: (error?: unknown) => void,
) => void
