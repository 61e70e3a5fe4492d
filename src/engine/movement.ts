import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { ERROR_CODES, type ErrorCode, ProxyError } from '../model/errors.js'
import type { Timeouts } from './limits.js'

/** What is looked at of an exchange. */
export interface Moving {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly startedAt: number
  readonly responded: boolean
  readonly error: ProxyError | undefined
  readonly tunnelled: Duplex | undefined
  readonly server: { readonly upstream: { readonly leftAt: number | undefined } } | undefined
}

/**
 * Whether an exchange's client connection moves: looked at once a second from outside, so that no request pays for a
 * timer, and no piece of a body for a clock.
 */
export class Movement {
  #bytes = -1
  #sinceMs = 0

  /** What the exchange has failed by now, if anything. @param now as `performance.now()` says */
  judge(exchange: Moving, now: number, timeouts: Timeouts): ProxyError | undefined {
    const { tunnelled, req, res, server } = exchange
    const { bytesRead, bytesWritten } = req.socket
    if (bytesRead + bytesWritten !== this.#bytes) {
      this.#bytes = bytesRead + bytesWritten
      this.#sinceMs = now
    }
    const idleMs = now - this.#sinceMs
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
    if (idleMs < timeouts.bodyIdleMs) return undefined
    // It waits for us: the server takes nothing of the body. Else the client sends nothing of it.
    if (!exchange.responded && !req.complete)
      return over(req.isPaused() ? 'PROXY_BODY_TIMEOUT' : 'PROXY_CLIENT_TIMEOUT', 'bodyIdleMs', timeouts)
    // We wait for the client to read. While we wait for the server, undici looks at the clock.
    const clientReads = !res.writableNeedDrain && !res.writableEnded
    return clientReads ? undefined : over('PROXY_CLIENT_TIMEOUT', 'bodyIdleMs', timeouts)
  }
}

/** The limit by its name, for whoever wants to raise it. */
function over(code: ErrorCode, limit: keyof Timeouts, timeouts: Timeouts): ProxyError {
  return new ProxyError(code, `${ERROR_CODES[code].says} (timeouts.${limit}: ${timeouts[limit]} ms)`)
}
