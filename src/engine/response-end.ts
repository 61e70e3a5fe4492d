import type { LiveServer } from './backends/live-server.js'
import type { Exchange } from './exchange.js'
import { fieldOf } from './headers/forward-headers.js'
import type { RawFields } from './headers/raw-fields.js'
import type { ResponseController } from './upstream/sent-request.js'

/**
 * How a response on an authenticated server connection ends. It ends the client's connection too, or it waits until the request's
 * body has come: before its own body, or when all of its own body has left.
 */
export type AuthenticatedEnd = 'ends the client' | 'waits at its head' | 'waits at its length'

/**
 * Reports a response that may be part of a handshake, and returns how it ends. `undefined` means that it ends like any other.
 *
 * undici closes a connection whose response ends before its request, and a handshake would end with it. So such a response waits
 * for the rest of the request's body.
 */
export function authenticatedEnd(
  exchange: Exchange,
  server: LiveServer,
  { connection }: ResponseController,
  status: number,
  fields: RawFields,
): AuthenticatedEnd | undefined {
  exchange.owner.authenticated.answered(exchange, server, connection, status, fields)
  if (!connection.isPrivate) return undefined
  // If the client's connection did not end too, the client would go on with a handshake that the server has ended.
  if (/close/i.test(fieldOf(fields, 'connection') ?? '')) return 'ends the client'
  if (!exchange.bodyToCome) return undefined
  return fieldOf(fields, 'content-length') === undefined ? 'waits at its head' : 'waits at its length'
}

/** Returns whether a response waits for the request's body. */
export function isWaiting(end: AuthenticatedEnd | undefined): boolean {
  return end !== undefined && end !== 'ends the client'
}

/**
 * Pauses a response behind its head if it waits there for the request's body.
 *
 * @param left bytes of the response's body to come
 */
export function waitAtHead(
  exchange: Exchange,
  controller: ResponseController,
  end: AuthenticatedEnd,
  left: number,
): void {
  if (!isWaiting(end) || left > 0) return
  waitForBody(exchange, controller)
  if (end === 'waits at its length') exchange.res.end()
}

/** Pauses a response until the request's body has come. If the response's length is known, the client already has all of it. */
export function waitForBody({ bodyToCome }: Exchange, controller: ResponseController): void {
  if (!bodyToCome) return
  controller.pause()
  bodyToCome.once('close', () => setImmediate(() => controller.resume()))
}

/** Returns whether the client's connection ends with this response. If so, the connection will be closed in stages. */
export function endsConnection(exchange: Exchange, end: AuthenticatedEnd | undefined): boolean {
  const { req, owner, body } = exchange
  const closes = owner.closing.isUnderWay && owner.closing.endsWith(exchange)
  const mustEnd = closes || end === 'ends the client'
  if (!mustEnd && (req.complete || isWaiting(end) || !isEarly(exchange))) return false
  owner.inFlight.lingering.after(req.socket, body, true)
  return true
}

/**
 * Returns whether much of the request's body is still to come. The proxy stops reading that when the response has ended, so the
 * connection ends with the response. The client may stop sending (RFC 9112, 9.5). Until then the server may read on.
 */
function isEarly({ bodyToCome }: Exchange): boolean {
  return bodyToCome !== undefined && !bodyToCome.isNearlyWhole
}
