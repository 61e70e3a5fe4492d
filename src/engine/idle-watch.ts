import type { Duplex } from 'node:stream'
import { ERROR_CODES, type ErrorCode, ProxyError } from '../model/errors.js'
import type { Timeouts } from '../model/limits.js'
import type { ClientSide } from './client/client-side.js'

/** The properties of an exchange (a request and its response) that show whether bytes are flowing. */
export interface Moving {
  readonly client: ClientSide
  readonly startedAt: number
  readonly responded: boolean
  readonly isInMiddleware: boolean
  readonly request: { readonly answersAwaited: number } | undefined
  readonly error: ProxyError | undefined
  readonly tunnelled: Duplex | undefined
  readonly server: { readonly upstream: { readonly leftAt: number | undefined } } | undefined
  readonly newest: { readonly sent: boolean; readonly pieces: number } | undefined
}

/**
 * Applies the idle timeouts to one exchange. A single timer checks all exchanges about once a second. So no request needs its own
 * timer, and the clock is not read for each chunk of a body. undici would set three timers for each request, and would keep
 * expired timers in a list until its next check. At 25,000 requests a second that took a third of the time.
 */
export class IdleWatch {
  /**
   * The number of bytes and response chunks counted at the last check. A different number at the next check shows that something
   * moved.
   */
  #moved = -1
  /** The try whose request had been sent at the last check. `undefined` if none had been sent. */
  #sent: Moving['newest']
  /** When a check last found that bytes had moved, in milliseconds as returned by `performance.now()`. */
  #sinceMs = 0

  /** Returns a timeout error if the exchange has exceeded one of its time limits. @param now from `performance.now()` */
  judge(exchange: Moving, now: number, timeouts: Timeouts): ProxyError | undefined {
    const { tunnelled, server } = exchange
    const idleMs = this.#idleMs(exchange, now)
    // If an error response of the proxy is being sent, only the client can be slow.
    if (exchange.error && !tunnelled)
      return idleMs < timeouts.bodyIdleMs ? undefined : over('PROXY_CLIENT_TIMEOUT', 'bodyIdleMs', timeouts)
    if (now - (server?.upstream.leftAt ?? now) >= timeouts.retireAfterMs)
      return over('PROXY_SERVER_RETIRED', 'retireAfterMs', timeouts)
    if (tunnelled)
      return idleMs < timeouts.upgradeIdleMs
        ? undefined
        : over('PROXY_UPGRADE_IDLE', 'upgradeIdleMs', timeouts)
    if (now - exchange.startedAt >= timeouts.requestMs)
      return over('PROXY_REQUEST_TIMEOUT', 'requestMs', timeouts)
    // While a middleware thinks, neither the client nor a server is to blame.
    if (exchange.isInMiddleware)
      return idleMs < timeouts.responseHeadMs
        ? undefined
        : over('PROXY_REQUEST_TIMEOUT', 'responseHeadMs', timeouts)
    return this.#judgeIdle(exchange, idleMs, timeouts)
  }

  /**
   * Returns for how many milliseconds nothing has happened: no bytes to or from the client, none from the server, and no new
   * try.
   */
  #idleMs({ client, responded, error, tunnelled, newest, request }: Moving, now: number): number {
    const { bytesRead, bytesWritten } = client.connection
    // Bytes that were written before this response do not count. They are informational responses (1xx) or responses of other
    // requests.
    const written = responded || error ? bytesWritten : 0
    // Bytes that arrive after the complete request belong to the next request. They do not count, because a client could
    // otherwise send bytes to keep a request to a dead server alive.
    const bytes = written + (tunnelled || !client.isComplete ? bytesRead : 0)
    const sent = newest?.sent ? newest : undefined
    // Pieces of the server's response count even if nothing is written to the client. The application may buffer or compress the
    // response.
    const moved = bytes + (sent?.pieces ?? 0) + (request?.answersAwaited ?? 0)
    if (moved !== this.#moved || sent !== this.#sent) {
      this.#moved = moved
      this.#sent = sent
      this.#sinceMs = now
    }
    return now - this.#sinceMs
  }

  #judgeIdle({ client, responded }: Moving, idleMs: number, timeouts: Timeouts): ProxyError | undefined {
    if (!responded && client.isComplete) {
      // If the request has not been sent yet, the proxy is still connecting, and only the connect timeout applies.
      return this.#sent === undefined || idleMs < timeouts.responseHeadMs
        ? undefined
        : over('PROXY_RESPONSE_TIMEOUT', 'responseHeadMs', timeouts)
    }
    if (idleMs < timeouts.bodyIdleMs) return undefined
    // No response has begun. If the request is paused, the server does not read its body. Otherwise the client does not send the
    // body.
    if (!responded)
      return over(
        client.body.isPaused() ? 'PROXY_BODY_TIMEOUT' : 'PROXY_CLIENT_TIMEOUT',
        'bodyIdleMs',
        timeouts,
      )
    // A complete pipelined response that waits for an earlier response on its connection has no timeout. The earlier response has
    // one.
    if (client.hasEnded && client.isBehind) return undefined
    const clientReads = !client.isFull && !client.hasEnded
    return over(clientReads ? 'PROXY_BODY_TIMEOUT' : 'PROXY_CLIENT_TIMEOUT', 'bodyIdleMs', timeouts)
  }
}

/** Returns a timeout error that names the exceeded limit, so that an operator knows which option to raise. */
function over(code: ErrorCode, limit: keyof Timeouts, timeouts: Timeouts): ProxyError {
  return new ProxyError(code, `${ERROR_CODES[code].says} (timeouts.${limit}: ${timeouts[limit]} ms)`)
}
