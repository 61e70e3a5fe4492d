import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { RequestHandler, UpgradeHandler } from './handlers.js'
import type { LingeringClose } from './lingering-close.js'

/**
 * Returns a handler that serves an upgrade request as if it asked for no upgrade. Any server may ignore the
 * `Upgrade` header (RFC 9110, 7.8). The HTTP clients of Java and curl send `Upgrade: h2c` with every first
 * request. Node has taken the request's body for bytes of the new protocol. So the handler sends the request
 * through Node's parser again, on an internal server without upgrades. The connection closes after the response.
 */
export function asPlainRequests(
  handler: RequestHandler,
  headBytes: number,
  lingering: LingeringClose,
): UpgradeHandler {
  /**
   * Maps each socket to the application's HTTP server on which it arrived. The application's
   * own routes on this server must get their requests, as they do without an upgrade.
   */
  const hosts = new WeakMap<Duplex, Server | undefined>()
  const serve = (event: PlainEvent): RequestHandler => {
    return (req, res) => {
      // If this is a later request on the socket, it is never served, because the connection closes after the first
      // response (RFC 9112, 9.6). While that response is being written, `handler` makes the later request wait.
      if (!hosts.has(req.socket)) return res.socket === null ? handler(req, res) : undefined
      const host = hosts.get(req.socket)
      hosts.delete(req.socket)
      res.shouldKeepAlive = false
      if (!host?.listenerCount('request')) handler(req, res)
      else giveTo(host, event, req, res)
    }
  }
  // The internal server that parses the requests again. Each request head was within the size limit
  // before. Written again, a head may be a little longer, so the limit here is twice as high.
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
 * Returns whether the `Expect` header of a request has an unknown value (RFC 9110,
 * 10.1.1). Node checks this header on plain requests, but not on upgrade requests.
 */
export function hasUnknownExpectation(req: IncomingMessage): boolean {
  return req.headers.expect !== undefined && req.httpVersion !== '1.0' && eventOf(req) === 'request'
}

/**
 * Returns the name of the server event by which Node would emit a request:
 * `checkContinue` if the client waits for a 100 (Continue), `request` otherwise.
 */
export function eventOf({ headers: { expect = '' } }: IncomingMessage): PlainEvent {
  return /(?:^|\W)100-continue(?:$|\W)/i.test(expect) ? 'checkContinue' : 'request'
}

/** Answers a request whose `Expect` header has an unknown value with 417 (Expectation Failed), then closes the connection. */
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

/** Emits a request on the application's HTTP server on which the request arrived, as Node would have done. */
export function giveTo(host: Server, event: PlainEvent, req: IncomingMessage, res: ServerResponse): void {
  if (event === 'checkContinue' && host.listenerCount(event) === 0) {
    res.writeContinue()
    host.emit('request', req, res)
  } else host.emit(event, req, res)
}
