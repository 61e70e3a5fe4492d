import type { Duplex } from 'node:stream'
import { asError, ProxyError } from '../model/errors.js'
import { onRejected } from '../model/rejections.js'
import { type Answered, writeErrorResponse } from './client/error-response.js'
import type { ListenerFailures } from './events/listener-failures.js'
import type { ProxyEmitter } from './events/proxy-emitter.js'
import type { Exchange } from './exchange.js'
import type { RequestReports } from './request-reports.js'

/** Gives a request to the host's own routes. */
export type Next = (error?: unknown) => void

/**
 * Calls `next`. One that throws or rejects ends neither the process nor the wait of its client: that gets 500, or, in the
 * middle of a response, the end of its connection.
 *
 * @param error what `next` is called with, if anything
 */
export function passOn(
  next: Next,
  answered: Answered,
  failures: ListenerFailures,
  ...error: [unknown?]
): void {
  callNext(next, error, failures, (thrown) => {
    const { res } = answered
    if (res.writableEnded || res.destroyed) return
    if (res.headersSent) res.destroy()
    else writeErrorResponse(answered, nextFailed(thrown), false)
  })
}

/** Gives a request that no frontend matches to the host: its socket and response are no longer watched. */
export function passExchangeOn(
  next: Next,
  exchange: Exchange,
  { reports, events }: { readonly reports: RequestReports; readonly events: ProxyEmitter },
): void {
  exchange.abandon()
  reports.passedOn(exchange)
  passOn(next, exchange, events.failures)
}

/**
 * Gives an upgrade to the host. If `next` throws or rejects, the client gets 500 where the host has not used the socket.
 *
 * @param refuse answers on the bare socket
 */
export function passUpgradeOn(
  next: Next,
  socket: Duplex & { readonly bytesWritten?: number },
  failures: ListenerFailures,
  refuse: (error: ProxyError) => void,
): void {
  const { bytesWritten } = socket
  callNext(next, [], failures, (thrown) => {
    if (socket.destroyed) return
    const isUntouched = socket.writable && socket.bytesWritten === bytesWritten && !socket.readableFlowing
    if (isUntouched) refuse(nextFailed(thrown))
    else socket.destroy()
  })
}

function callNext(
  next: Next,
  error: [unknown?],
  failures: ListenerFailures,
  respond: (thrown: unknown) => void,
): void {
  const failed = (thrown: unknown) => {
    failures.tell(failures, 'next', thrown)
    try {
      respond(thrown)
    } catch (cause) {
      failures.tell(failures, 'the response for next', cause)
    }
  }
  try {
    onRejected(next(...error), failed)
  } catch (thrown) {
    failed(thrown)
  }
}

function nextFailed(thrown: unknown): ProxyError {
  return new ProxyError('PROXY_HOOK_FAILED', asError(thrown).message, { cause: thrown })
}
