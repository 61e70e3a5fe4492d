import type { ServerResponse } from 'node:http'
import { bodyConsumed, hasBody, RequestBody, wholeBody } from './client/request-body.js'
import type { Exchange } from './exchange.js'

/**
 * Matches `100-continue` anywhere in an `Expect` header, because Node joins several `Expect` lines to one comma-separated list.
 */
const EXPECTS_100 = /(?:^|\W)100-continue(?:$|\W)/i

/**
 * Returns the request body to send with the next attempt to reach a server. Returns `null` if the request has no body.
 *
 * @throws ProxyError `PROXY_BODY_CONSUMED` if code of the application has already read a part of the body
 */
export function bodyForTry(exchange: Exchange): RequestBody | Buffer | null {
  const { req } = exchange
  if (exchange.wholeBody) return exchange.wholeBody
  if (!hasBody(req)) return null
  if (req.readableDidRead) throw bodyConsumed()
  // If the body was empty and has already been read to its end, send no body. A new stream of the body would never emit 'end'.
  if (req.readableEnded) return null
  const whole = wholeBody(req)
  if (whole) {
    exchange.wholeBody = whole
    // Forget the body stream of the previous attempt. No server will read that stream, so it would never emit 'close'.
    exchange.body = undefined
    return whole
  }
  const { lingering } = exchange.owner.inFlight
  exchange.body = new RequestBody(req, exchange.bodyLimit, () => sendContinue(exchange), lingering)
  return exchange.body
}

/**
 * Sends `100 Continue`, which tells the client to send its body. The proxy sends it only when a server reads the body. So the
 * client need not send the body of a request that the proxy refuses (RFC 9110, 10.1.1).
 */
function sendContinue({ req, res }: Exchange): void {
  const { expect } = req.headers
  if (expect === undefined || req.httpVersion !== '1.1') return
  // Node sets this private flag if Node has already sent `100 Continue` for the request. A second one must not follow.
  const { _sent100: isSent } = res as ServerResponse & { _sent100?: boolean }
  if (!isSent && EXPECTS_100.test(expect)) res.writeContinue()
}
