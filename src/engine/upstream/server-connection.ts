import type { Duplex } from 'node:stream'
import type { RawFields } from '../headers/raw-fields.js'
import type { RequestBytes } from './request-bytes.js'

/** A connection to a server, as seen by the code that sends requests on it. */
export interface ServerConnection {
  /** Whether further requests may be sent on the connection. */
  readonly isOpen: boolean
  /** Whether the connection carries the requests of a single client connection only. */
  readonly isPrivate: boolean
  /** Whether the connection's socket has closed. The request on the connection may not have been told yet. */
  readonly isBroken: boolean
  /** Whether the server has sent a byte since the proxy began to write the newest request. */
  readonly hasRead: boolean
  dispatch(request: RequestBytes, handler: ResponseHandler): void
  /**
   * Reserves the connection for the requests of one client connection. A private connection is not opened again after it has
   * ended. Its idle timeout becomes `timeouts.keepAliveMs`, the idle timeout of client connections.
   *
   * @param onEnd called once, when no further request can be sent on the connection
   * @param isNeeded returns whether the client has begun a login on this connection, which it cannot continue on another one
   */
  makePrivate(onEnd: () => void, isNeeded: () => boolean): void
  /**
   * Ends the connection after the response under way. If no response is under way, the connection ends after the next response.
   */
  endAfterUse(): void
  /** Ends the connection after the requests under way, or at once if there are none. */
  close(): Promise<void>
  /** Ends the connection at once. */
  end(): void
}

/**
 * Callbacks for the events of a request that was sent. Exactly one of `onResponseEnd`, `onResponseError` and `onRequestUpgrade`
 * is called, once.
 */
export interface ResponseHandler {
  /** Whether the connection was opened for this request. The sender sets this field before it calls any of the functions. */
  isFresh?: boolean
  /** Called when the first byte of the request is about to be written. */
  onRequestStart(controller: ResponseController): void
  /** Called when the head of a response has arrived, also for each interim response (102, 103). */
  onResponseStart(controller: ResponseController, status: number, fields: RawFields, reason: string): void
  onResponseData(controller: ResponseController, chunk: Buffer): void
  onResponseEnd(trailers: RawFields): void
  onResponseError(error: Error): void
  /** Called when the server has switched to another protocol. The socket then carries that protocol. */
  onRequestUpgrade(fields: RawFields, socket: Duplex): void
}

/** Lets the code that receives a response pause, resume or abort it. */
export interface ResponseController {
  readonly aborted: boolean
  /** The connection on which the response arrives. */
  readonly connection: ServerConnection
  pause(): void
  resume(): void
  /** Ends the request and its connection. */
  abort(reason: Error): void
}
