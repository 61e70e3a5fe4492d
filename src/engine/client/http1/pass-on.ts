import type { Duplex } from 'node:stream'
import { asError, ProxyError } from '../../../model/errors.js'
import { onRejected } from '../../../model/rejections.js'
import type { ListenerFailures } from '../../events/listener-failures.js'
import { writeErrorResponse } from '../error-response.js'
import type { Http1Client } from './http1-client.js'

/** The `next` function of the application, as in Express. The proxy calls it to let the application's own routes answer. */
export type Next = (error?: unknown) => void

/**
 * Calls the application's `next`. If `next` throws or rejects, the process goes on, and the client gets 500. If a response has
 * already begun, the client's connection is closed instead.
 *
 * @param error the argument of `next`, if there is one
 */
export function passOn(
  next: Next,
  client: Http1Client,
  failures: ListenerFailures,
  ...error: [unknown?]
): void {
  callNext(next, error, failures, (thrown) => {
    const { res } = client
    if (res.writableEnded || res.destroyed) return
    if (res.headersSent) res.destroy()
    else writeErrorResponse({ client, bodyBytes: 0 }, nextFailed(thrown), false)
  })
}

/**
 * Lets the application handle an upgrade request. If `next` throws or rejects, the client gets 500. If the application has
 * already used the socket, the socket is destroyed instead.
 *
 * @param refuse writes an error response to the socket
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
