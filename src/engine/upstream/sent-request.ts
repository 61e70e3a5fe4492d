import type { Duplex } from 'node:stream'
import { HOP_BY_HOP } from '../headers/proxy-fields.js'
import type { RawFields } from '../headers/raw-fields.js'
import type { EarlyHead } from './early-head.js'
import type { RequestBytes } from './request-bytes.js'
import type { ResponseController, ResponseHandler, ServerConnection } from './server-connection.js'

/** A server connection that is told what undici does on it. */
interface ToldConnection extends ServerConnection {
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
}

/**
 * One request on a server connection. undici calls the functions whose names begin with `on`. They have the form of undici's
 * older request handlers. For its newer handlers, undici 7 would create two objects for each request, and one for the header
 * fields of each response. Nothing here would read those objects.
 */
export class SentRequest implements ResponseController {
  readonly connection: ToldConnection
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
    connection: ToldConnection,
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
