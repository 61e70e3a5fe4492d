import type { ServerResponse } from 'node:http'
import { bodyConsumed, hasBody, RequestBody, wholeBody } from './client/request-body.js'
import type { Exchange } from './exchange.js'

/** Finds `100-continue` among other expectations too. Node joins several `Expect` lines to one list. */
const EXPECTS_100 = /(?:^|\W)100-continue(?:$|\W)/i

/**
 * Returns the request's body for one more try, or `null` if the request has no body.
 *
 * @throws ProxyError `PROXY_BODY_CONSUMED` if code of the host has read some of the body before
 */
export function bodyForTry(exchange: Exchange): RequestBody | Buffer | null {
  const { req } = exchange
  if (exchange.wholeBody) return exchange.wholeBody
  if (!hasBody(req)) return null
  if (req.readableDidRead) throw bodyConsumed()
  // The body was empty and has been read to its end. A new stream would wait forever for another 'end' event.
  if (req.readableEnded) return null
  const whole = wholeBody(req)
  if (whole) {
    exchange.wholeBody = whole
    // No server will read the stream of the try before. Code that waits until this stream closes would wait forever.
    exchange.body = undefined
    return whole
  }
  const { lingering } = exchange.owner.inFlight
  exchange.body = new RequestBody(req, exchange.bodyLimit, () => sendContinue(exchange), lingering)
  return exchange.body
}

/**
 * Asks the client for its body once a server wants it. If the proxy
 * refuses the request, the client need not send it (RFC 9110, 10.1.1).
 */
function sendContinue({ req, res }: Exchange): void {
  const { expect } = req.headers
  if (expect === undefined || req.httpVersion !== '1.1') return
  // Node sets this flag where Node itself has sent the 100 before the request came to the proxy.
  const { _sent100: isSent } = res as ServerResponse & { _sent100?: boolean }
  if (!isSent && EXPECTS_100.test(expect)) res.writeContinue()
}
