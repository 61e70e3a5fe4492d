import type { Duplex } from 'node:stream'
import { HOP_BY_HOP } from '../headers/proxy-fields.js'
import type { RawFields } from '../headers/raw-fields.js'
import type { EarlyHead } from './early-head.js'
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
  /**
   * Tells the connection that the first byte of the newest request is about to be written.
   *
   * @param head the head of the request, if its body may be written in several pieces
   */
  written(head: EarlyHead | undefined): void
  /**
   * Tells the connection that a response has ended.
   *
   * @param mayBeFollowed whether the next response on the connection could be misread. A faulty server may send a body after a
   *   response that must have none, or the trailers had a field about the connection.
   * @param hadBody whether the request had a body
   */
  answered(mayBeFollowed: boolean, hadBody: boolean): void
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

/**
 * One request on a server connection. undici calls the functions whose names begin with `on`. They have the form of undici's
 * older request handlers. For its newer handlers, undici 7 would create two objects for each request, and one for the header
 * fields of each response. Nothing here would read those objects.
 */
export class SentRequest implements ResponseController {
  readonly connection: ServerConnection
  readonly #handler: ResponseHandler
  readonly #hadBody: boolean
  /** The head of the request, if its body may be written in several pieces. */
  readonly #head: EarlyHead | undefined
  /** Whether the response must have no body. A faulty server may still send a body, at any time after that response. */
  #mayBeFollowed: boolean
  #abort: ((reason: Error) => void) | undefined
  #resume: (() => void) | undefined
  #paused = false
  #aborted = false
  /**
   * Whether the response has ended or failed. The connection may then carry another request, which `resume` and `abort` must not
   * affect.
   */
  #done = false

  constructor(
    connection: ServerConnection,
    handler: ResponseHandler,
    { method, body }: RequestBytes,
    head: EarlyHead | undefined,
  ) {
    this.connection = connection
    this.#handler = handler
    this.#hadBody = body !== null
    this.#head = head
    this.#mayBeFollowed = method === 'HEAD'
  }

  get aborted(): boolean {
    return this.#aborted
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    if (!this.#paused || this.#done) return
    this.#paused = false
    this.#resume?.()
  }

  abort(reason: Error): void {
    if (this.#aborted || this.#done) return
    this.#aborted = true
    this.#abort?.(reason)
    this.connection.end()
  }

  onConnect(abort: (reason?: Error) => void): void {
    this.#abort = abort
    this.connection.written(this.#head)
    this.#handler.onRequestStart(this)
  }

  onHeaders(status: number, fields: Buffer[], resume: () => void, reason: string): boolean {
    this.#resume = resume
    if (status === 204 || status === 205 || status === 304) this.#mayBeFollowed = true
    this.#handler.onResponseStart(this, status, fields, reason)
    return !this.#paused
  }

  onData(chunk: Buffer): boolean {
    this.#handler.onResponseData(this, chunk)
    return !this.#paused
  }

  onComplete(trailers: RawFields | null): void {
    this.#done = true
    const fields = trailers ?? []
    this.connection.answered(this.#mayBeFollowed || hasConnectionField(fields), this.#hadBody)
    this.#handler.onResponseEnd(fields)
  }

  onError(error: Error): void {
    this.#done = true
    // The connection broke or was never opened, so end it. Otherwise undici may open it again for a failed request in undici's
    // queue.
    this.connection.end()
    this.#handler.onResponseError(error)
  }

  onUpgrade(_status: number, fields: Buffer[] | string[] | null, socket: Duplex): void {
    this.#done = true
    this.#handler.onRequestUpgrade(fields ?? [], socket)
  }
}

/**
 * Returns whether the trailers of a response contain a field about the connection, which is not allowed (RFC 9110, 6.5.1).
 * undici's parser obeys such a field: after a trailer `Connection: close`, the parser refuses the next response.
 */
function hasConnectionField(trailers: RawFields): boolean {
  return trailers.some((name, index) => index % 2 === 0 && HOP_BY_HOP.has(String(name).toLowerCase()))
}
