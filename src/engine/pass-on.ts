import type { Duplex } from 'node:stream'
import { asError, ProxyError } from '../model/errors.js'
import { onRejected } from '../model/rejections.js'
import { type Answered, writeErrorResponse } from './client/error-response.js'
import type { ListenerFailures } from './events/listener-failures.js'
import { failuresOf, type ProxyEmitter } from './events/proxy-emitter.js'
import type { Exchange } from './exchange.js'
import type { RequestReports } from './request-reports.js'

/** The host's function that takes over a request for its own routes. */
export type Next = (error?: unknown) => void

/**
 * Calls `next`. If it throws or rejects, the process goes on, and the client gets
 * 500. If a response has begun by then, the client's connection ends instead.
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

/** Passes a request that no frontend matches to the host. The proxy no longer watches its socket and response. */
export function passExchangeOn(
  next: Next,
  exchange: Exchange,
  { reports, events }: { readonly reports: RequestReports; readonly events: ProxyEmitter },
): void {
  exchange.abandon()
  reports.passedOn(exchange)
  passOn(next, exchange, failuresOf(events))
}

/**
 * Passes an upgrade to the host. If `next` throws or rejects, the client gets
 * 500. If the host has used the socket by then, the socket is destroyed.
 *
 * @param refuse answers with an error on the bare socket
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
