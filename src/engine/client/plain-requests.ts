import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { RequestHandler, UpgradeHandler } from './handlers.js'
import type { LingeringClose } from './lingering-close.js'

/**
 * Serves upgrade requests as if they asked for none, which is anyone's right (RFC 9110, 7.8); Java's and curl's
 * clients say `Upgrade: h2c` with every first request. Node took their bodies for the other protocol's first bytes,
 * so they go through its parser again, on a server that upgrades nothing. The connection ends with the response.
 */
export function asPlainRequests(
  handler: RequestHandler,
  headBytes: number,
  lingering: LingeringClose,
): UpgradeHandler {
  /** Whose they are: the host's own routes must get theirs, as they do without the upgrade. */
  const hosts = new WeakMap<Duplex, Server | undefined>()
  const serve = (event: PlainEvent): RequestHandler => {
    return (req, res) => {
      // What follows on a connection that ends with the response is not processed (RFC 9112, 9.6): it waits until then.
      if (!hosts.has(req.socket)) return res.socket === null ? handler(req, res) : undefined
      const host = hosts.get(req.socket)
      hosts.delete(req.socket)
      res.shouldKeepAlive = false
      if (!host?.listenerCount('request')) handler(req, res)
      else giveTo(host, event, req, res)
    }
  }
  // The head has been measured already; written anew it may be a little longer.
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

/** Node looks at the expectations of requests alone, not of those that it gives out as upgrades (RFC 9110, 10.1.1). */
export function hasUnknownExpectation(req: IncomingMessage): boolean {
  return req.headers.expect !== undefined && req.httpVersion !== '1.0' && eventOf(req) === 'request'
}

export function eventOf({ headers: { expect = '' } }: IncomingMessage): PlainEvent {
  return /(?:^|\W)100-continue(?:$|\W)/i.test(expect) ? 'checkContinue' : 'request'
}

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

/** Gives a request to the server that it came to, as Node would have done. */
export function giveTo(host: Server, event: PlainEvent, req: IncomingMessage, res: ServerResponse): void {
  if (event === 'checkContinue' && host.listenerCount(event) === 0) {
    res.writeContinue()
    host.emit('request', req, res)
  } else host.emit(event, req, res)
}
