import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { RequestHandler, UpgradeHandler } from './handlers.js'
import type { LingeringClose } from './lingering-close.js'

/**
 * Serves upgrade requests as if they asked for no upgrade. Any server may ignore `Upgrade` (RFC 9110, 7.8). Clients of Java
 * and curl send `Upgrade: h2c` with every first request. Node has taken the request's body for bytes of the other protocol.
 * So the request goes through Node's parser again, on a server that upgrades nothing. Its connection ends with the response.
 */
export function asPlainRequests(
  handler: RequestHandler,
  headBytes: number,
  lingering: LingeringClose,
): UpgradeHandler {
  /** The host's server of each socket. The host's own routes must get their requests, as they do without an upgrade. */
  const hosts = new WeakMap<Duplex, Server | undefined>()
  const serve = (event: PlainEvent): RequestHandler => {
    return (req, res) => {
      // The connection ends with the first response, so later requests are not processed
      // (RFC 9112, 9.6). While that response is under way, `handler` makes them wait.
      if (!hosts.has(req.socket)) return res.socket === null ? handler(req, res) : undefined
      const host = hosts.get(req.socket)
      hosts.delete(req.socket)
      res.shouldKeepAlive = false
      if (!host?.listenerCount('request')) handler(req, res)
      else giveTo(host, event, req, res)
    }
  }
  // The head has passed its limit before. Written again, it may be a little longer, so this limit is twice as high.
  const plain = createServer({
    maxHeaderSize: Math.min(2 * Math.ceil(headBytes), 2 ** 31 - 1),
    insecureHTTPParser: false,
  })
  for (const event of ['request', 'checkContinue'] as const) plain.on(event, serve(event))
  plain.on('checkExpectation', (req, res) => refuseExpectation(req, res, lingering))
  plain.maxHeadersCount = 0
  return (req, socket, head) => {
    hosts.set(socket, (socket as Duplex & { server?: Server }).server)
    let text = `${req.method} ${req.url} HTTP/${req.httpVersion}\r\n`
    for (let index = 0; index < req.rawHeaders.length; index += 2)
      text += `${req.rawHeaders[index]}: ${req.rawHeaders[index + 1]}\r\n`
    socket.unshift(Buffer.concat([Buffer.from(`${text}\r\n`, 'latin1'), head]))
    plain.emit('connection', socket)
  }
}

/**
 * Returns whether a request has an unknown expectation (RFC 9110,
 * 10.1.1). Node checks this for plain requests, but not for upgrades.
 */
export function hasUnknownExpectation(req: IncomingMessage): boolean {
  return req.headers.expect !== undefined && req.httpVersion !== '1.0' && eventOf(req) === 'request'
}

/** Returns the event by which Node would emit a request. */
export function eventOf({ headers: { expect = '' } }: IncomingMessage): PlainEvent {
  return /(?:^|\W)100-continue(?:$|\W)/i.test(expect) ? 'checkContinue' : 'request'
}

/** Answers an unknown expectation with 417, and ends the connection. */
export function refuseExpectation(
  req: IncomingMessage,
  res: ServerResponse,
  lingering: LingeringClose,
): void {
  res.shouldKeepAlive = false
  lingering.after(req.socket)
  res.writeHead(417).end()
}

type PlainEvent = 'request' | 'checkContinue'

/** Emits a request on the host's server that it came to, as Node would have done. */
export function giveTo(host: Server, event: PlainEvent, req: IncomingMessage, res: ServerResponse): void {
  if (event === 'checkContinue' && host.listenerCount(event) === 0) {
    res.writeContinue()
    host.emit('request', req, res)
  } else host.emit(event, req, res)
}
