import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { ERROR_CODES, type ErrorCode, ProxyError } from '../model/errors.js'
import type { Timeouts } from '../model/limits.js'

/** The members of an exchange that show whether bytes move. */
export interface Moving {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly startedAt: number
  readonly responded: boolean
  readonly error: ProxyError | undefined
  readonly tunnelled: Duplex | undefined
  readonly server: { readonly upstream: { readonly leftAt: number | undefined } } | undefined
  readonly newest: { readonly sent: boolean; readonly pieces: number } | undefined
}

/**
 * The idle timeouts of one exchange. One timer checks all exchanges about once a second. So no request pays for a timer, and no
 * chunk of a body for reading the clock. undici would set three timers for each request, and would keep expired ones in a list
 * until its next check. At 25,000 requests a second that took a third of the time.
 */
export class IdleWatch {
  /** Bytes and pieces that had moved at the last check. */
  #moved = -1
  /** The try that had been sent at the last check, if there was one. */
  #sent: Moving['newest']
  /** The time of the last check at which something had moved, in milliseconds. */
  #sinceMs = 0

  /** Returns the error of the first limit that the exchange exceeds, if there is one. @param now from `performance.now()` */
  judge(exchange: Moving, now: number, timeouts: Timeouts): ProxyError | undefined {
    const { tunnelled, server } = exchange
    const idleMs = this.#idleMs(exchange, now)
    // An error response of the proxy is on its way. The client may not read it.
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
    return this.#judgeIdle(exchange, idleMs, timeouts)
  }

  /** Returns the milliseconds in which the client's connection was idle, the server sent nothing, and no try was sent. */
  #idleMs({ req, responded, error, tunnelled, newest }: Moving, now: number): number {
    const { bytesRead, bytesWritten } = req.socket
    // Bytes written before the response are informational responses (1xx), or responses of other requests. They do not count.
    const written = responded || error ? bytesWritten : 0
    // Bytes behind the request belong to the next request. A client could keep a request to a dead server alive with them.
    const bytes = written + (tunnelled || !req.complete ? bytesRead : 0)
    const sent = newest?.sent ? newest : undefined
    // Pieces from the server count even if nothing is written: the host may collect or compress the response.
    const moved = bytes + (sent?.pieces ?? 0)
    if (moved !== this.#moved || sent !== this.#sent) {
      this.#moved = moved
      this.#sent = sent
      this.#sinceMs = now
    }
    return now - this.#sinceMs
  }

  #judgeIdle({ req, res, responded }: Moving, idleMs: number, timeouts: Timeouts): ProxyError | undefined {
    if (!responded && req.complete) {
      // No try was sent, so the proxy is still connecting. The connect timeout applies then.
      return this.#sent === undefined || idleMs < timeouts.responseHeadMs
        ? undefined
        : over('PROXY_RESPONSE_TIMEOUT', 'responseHeadMs', timeouts)
    }
    if (idleMs < timeouts.bodyIdleMs) return undefined
    // If the request is paused, the server takes nothing of its body. Else the client sends nothing.
    if (!responded)
      return over(req.isPaused() ? 'PROXY_BODY_TIMEOUT' : 'PROXY_CLIENT_TIMEOUT', 'bodyIdleMs', timeouts)
    // The whole response waits behind another response of its connection. The exchange of the other response has its own timeout.
    if (res.writableEnded && res.socket === null && !res.writableFinished) return undefined
    const clientReads = !res.writableNeedDrain && !res.writableEnded
    return over(clientReads ? 'PROXY_BODY_TIMEOUT' : 'PROXY_CLIENT_TIMEOUT', 'bodyIdleMs', timeouts)
  }
}

/** Makes an error that names the exceeded limit, so that an operator knows which option to raise. */
function over(code: ErrorCode, limit: keyof Timeouts, timeouts: Timeouts): ProxyError {
  return new ProxyError(code, `${ERROR_CODES[code].says} (timeouts.${limit}: ${timeouts[limit]} ms)`)
}
