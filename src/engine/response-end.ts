import type { LiveServer } from './backends/live-server.js'
import type { Exchange } from './exchange.js'
import { fieldOf } from './headers/forward-headers.js'
import type { RawFields } from './headers/raw-fields.js'
import type { ResponseController } from './upstream/server-connection.js'

/**
 * How a response must end if one client has logged in on its server connection (by NTLM, for example):
 *
 * - `ends the client`: the client's connection closes after the response.
 * - `waits at its head`: the response pauses after its head, until the request's body has arrived completely.
 * - `waits at its length`: the response pauses after the last byte of its body, until the request's body has arrived completely.
 */
export type AuthenticatedEnd = 'ends the client' | 'waits at its head' | 'waits at its length'

/**
 * Notes a response that may be part of a login handshake (NTLM, for example). Returns how the response must end, or `undefined`
 * if it may end like any other.
 *
 * undici closes a connection if the response ends before the request. That would break off a handshake on the connection, so such
 * a response waits for the rest of the request's body.
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
  // If the server closes its connection, close the client's connection too. Otherwise the client would continue a login handshake
  // that the server has ended.
  if (/close/i.test(fieldOf(fields, 'connection') ?? '')) return 'ends the client'
  if (!exchange.bodyToCome) return undefined
  return fieldOf(fields, 'content-length') === undefined ? 'waits at its head' : 'waits at its length'
}

/** Returns whether a response must not end before the request's body has arrived completely. */
export function isWaiting(end: AuthenticatedEnd | undefined): boolean {
  return end !== undefined && end !== 'ends the client'
}

/**
 * Called after the head of a response was written. Pauses the response if it must wait for the request's body now, and not after
 * its own body.
 *
 * @param left number of bytes in the response's body; 0 or less if the length is unknown
 */
export function waitAtHead(
  exchange: Exchange,
  controller: ResponseController,
  end: AuthenticatedEnd,
  left: number,
): void {
  if (!isWaiting(end) || left > 0) return
  waitForBody(exchange, controller)
  if (end === 'waits at its length') exchange.client.end()
}

/** Pauses a response until the request's body has arrived. A response of known length has been sent completely by then. */
export function waitForBody({ bodyToCome }: Exchange, controller: ResponseController): void {
  if (!bodyToCome) return
  controller.pause()
  bodyToCome.once('close', () => setImmediate(() => controller.resume()))
}

/** Makes the client's connection close after this response, if it must. It closes in stages, as the client may still be sending. */
export function closeIfLast(exchange: Exchange, end: AuthenticatedEnd | undefined): void {
  const { client, owner, body } = exchange
  // If another backend answers, no server reads the rest of the request's body.
  const isEarlyPage = exchange.routed?.isRedispatched === true && !client.isComplete
  const mustEnd = owner.closing.endsWith(exchange) || end === 'ends the client' || isEarlyPage
  if (!mustEnd && (client.isComplete || isWaiting(end) || !isEarly(exchange))) return
  client.closeAfter(body, true)
}

/**
 * Returns whether a large part of the request's body has not arrived yet. In this case the connection closes with the response,
 * because the proxy will not read the rest. The client may then stop sending (RFC 9112, 9.5).
 */
function isEarly({ bodyToCome }: Exchange): boolean {
  return bodyToCome !== undefined && !bodyToCome.isNearlyWhole
}
