import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { ERROR_CODES, type ErrorCode, ProxyError } from '../model/errors.js'
import type { Timeouts } from '../model/limits.js'

/** What is looked at of an exchange. */
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
 * Whether an exchange moves: looked at once a second from outside, so that no request pays for a timer, and no piece of a
 * body for a clock. undici would set three timers for each request, and keep those that are done in a list until its next
 * look at it: at 25,000 requests a second that took a third of the time.
 */
export class IdleWatch {
  #moved = -1
  /** The try that waits for its server, if one was sent. */
  #sent: Moving['newest']
  #sinceMs = 0

  /** What the exchange has failed by now, if anything. @param now as `performance.now()` says */
  judge(exchange: Moving, now: number, timeouts: Timeouts): ProxyError | undefined {
    const { tunnelled, server } = exchange
    const idleMs = this.#idleMs(exchange, now)
    // Our own answer is on its way, to a client that may read nothing of it.
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

  /** For how long neither the client's connection has moved, nor anything came from the server, nor a try was sent. */
  #idleMs({ req, responded, error, tunnelled, newest }: Moving, now: number): number {
    const { bytesRead, bytesWritten } = req.socket
    // Before the response, what is written are responses before it (1xx) and those of other requests: neither is movement of this.
    const written = responded || error ? bytesWritten : 0
    // What lies behind the request is another one: a client could keep a dead server's alive with it.
    const bytes = written + (tunnelled || !req.complete ? bytesRead : 0)
    const sent = newest?.sent ? newest : undefined
    // Whatever the host makes of a response: it may gather it, or compress it.
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
      // While it connects, the limit on connections holds.
      return this.#sent === undefined || idleMs < timeouts.responseHeadMs
        ? undefined
        : over('PROXY_RESPONSE_TIMEOUT', 'responseHeadMs', timeouts)
    }
    if (idleMs < timeouts.bodyIdleMs) return undefined
    // It waits for us: the server takes nothing of the body. Else the client sends nothing of it.
    if (!responded)
      return over(req.isPaused() ? 'PROXY_BODY_TIMEOUT' : 'PROXY_CLIENT_TIMEOUT', 'bodyIdleMs', timeouts)
    // All of it waits behind another response, which has a clock of its own.
    if (res.writableEnded && res.socket === null && !res.writableFinished) return undefined
    const clientReads = !res.writableNeedDrain && !res.writableEnded
    return over(clientReads ? 'PROXY_BODY_TIMEOUT' : 'PROXY_CLIENT_TIMEOUT', 'bodyIdleMs', timeouts)
  }
}

/** The limit by its name, for whoever wants to raise it. */
function over(code: ErrorCode, limit: keyof Timeouts, timeouts: Timeouts): ProxyError {
  return new ProxyError(code, `${ERROR_CODES[code].says} (timeouts.${limit}: ${timeouts[limit]} ms)`)
}
