import { bodyConsumed, RequestBody, wholeBody } from './client/request-body.js'
import type { Exchange } from './exchange.js'
import type { Routed } from './routed.js'

/**
 * Returns the request body to send with the next try. Returns `null` if the request has no body.
 *
 * @throws ProxyError `PROXY_BODY_CONSUMED` if code of the application has already read a part of the body
 */
export function bodyForTry(
  exchange: Exchange,
  { bodyLimit, isRedispatched }: Routed,
): RequestBody | Buffer | null {
  const { client, owner } = exchange
  if (isRedispatched) return null
  if (exchange.wholeBody) return exchange.wholeBody
  if (!client.hasBody) return null
  const { body } = client
  if (body.readableDidRead) throw bodyConsumed()
  // If the body was empty and has already been read to its end, send no body. A new stream of the body would never emit 'end'.
  if (body.readableEnded) return null
  const whole = wholeBody(client)
  if (whole) {
    exchange.wholeBody = whole
    // Forget the body stream of the previous try. No server will read that stream, so it would never emit 'close'.
    exchange.body = undefined
    return whole
  }
  // The client is told to send its body only when a server reads it. So it need not send the body of a request that is refused.
  exchange.body = new RequestBody(client, bodyLimit, () => client.sendContinue(), owner.limits.lingerBytes)
  return exchange.body
}
