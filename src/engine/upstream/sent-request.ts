import type { Duplex } from 'node:stream'
import { HOP_BY_HOP } from '../headers/proxy-fields.js'
import type { RawFields } from '../headers/raw-fields.js'

/** A request as the proxy sends it to a server. */
export interface RequestBytes {
  readonly method: string
  readonly path: string
  /** Names and values alternate. */
  readonly headers: string[]
  readonly body: NodeJS.ReadableStream | Buffer | null
  /** The protocol to switch to, such as `websocket`. Null in an ordinary request. */
  readonly upgrade: string | null
}

/** A connection to a server, as seen by the code that sends requests on it. */
export interface ServerConnection {
  /** Whether further requests may be sent on the connection. */
  readonly isOpen: boolean
  /** Whether the connection carries the requests of a single client connection only. */
  readonly isPrivate: boolean
  /** Whether the socket has closed. The request on it may not know yet. */
  readonly isBroken: boolean
  /** Whether the server has sent a byte since the newest request began to leave. */
  readonly hasRead: boolean
  dispatch(request: RequestBytes, handler: ResponseHandler): void
  /**
   * Reserves the connection for the requests of one client connection. It is never opened again after its end. Its idle timeout
   * becomes that of clients' connections.
   *
   * @param onEnd called once, when no further request can be sent on the connection
   * @param isNeeded returns whether the client needs this very connection, because it cannot log in on another one
   */
  makePrivate(onEnd: () => void, isNeeded: () => boolean): void
  /** Ends the connection after the response under way. If there is none, it ends after the next response. */
  endAfterUse(): void
  /**
   * Notes that the first byte of a request is about to leave.
   *
   * @param streamsBody whether the body of the request may leave in several pieces
   */
  written(streamsBody: boolean): void
  /**
   * Notes that a response has ended.
   *
   * @param mayBeFollowed whether a faulty server may send a body after the response, which must have none
   * @param hadBody whether the request had a body
   */
  answered(mayBeFollowed: boolean, hadBody: boolean): void
  /** Ends the connection after the requests under way, or at once if there are none. */
  close(): Promise<void>
  /** Ends the connection at once. */
  end(): void
}

/** Receives what happens to a request that was sent. Exactly one of the last three functions is called, once. */
export interface ResponseHandler {
  /** Whether the connection was opened for this request. It is set before any function is called. */
  isFresh?: boolean
  /** The first byte of the request is about to leave. */
  onRequestStart(controller: ResponseController): void
  /** The head of a response has arrived. Interim responses (102, 103) are told too. */
  onResponseStart(controller: ResponseController, status: number, fields: RawFields, reason: string): void
  onResponseData(controller: ResponseController, chunk: Buffer): void
  onResponseEnd(trailers: RawFields): void
  onResponseError(error: Error): void
  /** The server has switched to another protocol. */
  onRequestUpgrade(fields: RawFields, socket: Duplex): void
}

/** Lets the receiver of a response slow the response down, or end it. */
export interface ResponseController {
  readonly aborted: boolean
  /** The connection on which the response comes. */
  readonly connection: ServerConnection
  pause(): void
  resume(): void
  /** Ends the request and its connection. */
  abort(reason: Error): void
}

/**
 * One request on a server connection, with the functions that undici calls back. They have the form of undici's older handlers.
 * For newer handlers, undici 7 makes two objects for each request, and one for the fields of each response. Nothing here
 * would read those objects.
 */
export class SentRequest implements ResponseController {
  readonly connection: ServerConnection
  readonly #handler: ResponseHandler
  readonly #hadBody: boolean
  readonly #streamsBody: boolean
  /** Whether the response has no body. A faulty server may still send one, at any time after it. */
  #mayBeFollowed: boolean
  #abort: ((reason: Error) => void) | undefined
  #resume: (() => void) | undefined
  #paused = false
  #aborted = false
  /** Whether the response has ended. The connection may carry another request then. */
  #done = false

  constructor(connection: ServerConnection, handler: ResponseHandler, { method, body }: RequestBytes) {
    this.connection = connection
    this.#handler = handler
    this.#hadBody = body !== null
    this.#streamsBody = body !== null && !Buffer.isBuffer(body)
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
    this.connection.written(this.#streamsBody)
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
    // The connection broke or was never opened. Left alone, undici may open it again for a failed request in its queue.
    this.connection.end()
    this.#handler.onResponseError(error)
  }

  onUpgrade(_status: number, fields: Buffer[] | string[] | null, socket: Duplex): void {
    this.#done = true
    this.#handler.onRequestUpgrade(fields ?? [], socket)
  }
}

/**
 * Returns whether trailers contain a field about the connection, which trailers must not (RFC 9110, 6.5.1). undici's parser
 * obeys such a field: after a trailer `Connection: close`, it refuses the next response.
 */
function hasConnectionField(trailers: RawFields): boolean {
  return trailers.some((name, index) => index % 2 === 0 && HOP_BY_HOP.has(String(name).toLowerCase()))
}
