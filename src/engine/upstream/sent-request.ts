import type { Duplex } from 'node:stream'
import { HOP_BY_HOP } from '../headers/proxy-fields.js'
import type { RawFields } from '../headers/raw-fields.js'

/** A request as it leaves for a server. */
export interface RequestBytes {
  readonly method: string
  readonly path: string
  /** Names and values in turn. */
  readonly headers: string[]
  readonly body: NodeJS.ReadableStream | Buffer | null
  /** The protocol to switch to, `websocket` for example. */
  readonly upgrade: string | null
}

/** A connection to a server, as far as requests on it have to do with it. */
export interface ServerConnection {
  /** Whether requests may still be sent on it. */
  readonly isOpen: boolean
  /** Whether it is one client connection's own. */
  readonly isPrivate: boolean
  /** Whether it is cut already, even if its request was not told yet. */
  readonly isBroken: boolean
  /** Whether a byte came since the newest request began to leave on it. */
  readonly hasRead: boolean
  dispatch(request: RequestBytes, handler: ResponseHandler): void
  /**
   * From here on it carries the requests of one client connection alone. It is never made anew, and may be idle for as long
   * as a client's connection.
   *
   * @param onEnd called once, when nothing can be sent on it any more
   * @param isNeeded whether its client needs this very one, and could not log in on another
   */
  makePrivate(onEnd: () => void, isNeeded: () => boolean): void
  /** It ends with the response under way, or the next one. */
  endAfterUse(): void
  /**
   * The first byte of a request is about to leave on it.
   *
   * @param streamsBody whether its body may leave piece by piece
   */
  written(streamsBody: boolean): void
  /**
   * A response has ended.
   *
   * @param mayBeFollowed whether a broken server may send a body behind it
   * @param hadBody whether its request had a body
   */
  answered(mayBeFollowed: boolean, hadBody: boolean): void
  /** Ends it with the requests that it has, if there are any. */
  close(): Promise<void>
  /** Ends it at once. */
  end(): void
}

/** What becomes of a request that was sent. Of the last three, one is called, once. */
export interface ResponseHandler {
  /** Whether its connection is made for it. Set before anything else is told. */
  isFresh?: boolean
  /** Its first byte is about to leave. */
  onRequestStart(controller: ResponseController): void
  /** The head of a response; of those before the one too (102, 103). */
  onResponseStart(controller: ResponseController, status: number, fields: RawFields, reason: string): void
  onResponseData(controller: ResponseController, chunk: Buffer): void
  onResponseEnd(trailers: RawFields): void
  onResponseError(error: Error): void
  /** The server speaks another protocol from here on. */
  onRequestUpgrade(fields: RawFields, socket: Duplex): void
}

/** How whoever takes a response slows it down, or ends it. */
export interface ResponseController {
  readonly aborted: boolean
  /** The one that it came on. */
  readonly connection: ServerConnection
  pause(): void
  resume(): void
  /** Ends the request and its connection. */
  abort(reason: Error): void
}

/**
 * One request on a connection of its own: what undici calls back, in the form of its older handlers. For the newer one
 * undici 7 makes two objects for each request, and one more of the fields of each response, that nobody here reads.
 */
export class SentRequest implements ResponseController {
  readonly connection: ServerConnection
  readonly #handler: ResponseHandler
  readonly #hadBody: boolean
  readonly #streamsBody: boolean
  /** Behind a response without a body a server may send one by mistake, and that at any time. */
  #mayBeFollowed: boolean
  #abort: ((reason: Error) => void) | undefined
  #resume: (() => void) | undefined
  #paused = false
  #aborted = false
  /** From then on its connection is another request's. */
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
    this.connection.answered(this.#mayBeFollowed || nameConnection(fields), this.#hadBody)
    this.#handler.onResponseEnd(fields)
  }

  onError(error: Error): void {
    this.#done = true
    // It broke, or could not be made, or undici would make it anew for a request that it gave up, but has in its queue still.
    this.connection.end()
    this.#handler.onResponseError(error)
  }

  onUpgrade(_status: number, fields: Buffer[] | string[] | null, socket: Duplex): void {
    this.#done = true
    this.#handler.onRequestUpgrade(fields ?? [], socket)
  }
}

/**
 * Whether trailers hold a field that means the connection, which no trailer may (RFC 9110, 6.5.1). The parser believes them:
 * behind `Connection: close` there, it refuses the next response.
 */
function nameConnection(trailers: RawFields): boolean {
  return trailers.some((name, index) => index % 2 === 0 && HOP_BY_HOP.has(String(name).toLowerCase()))
}
