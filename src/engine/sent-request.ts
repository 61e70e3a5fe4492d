import type { Duplex } from 'node:stream'
import type { Client } from 'undici'

/** Header or trailer fields as a server sent them: names and values in turn. */
export type RawFields = readonly (Buffer | string)[]

/** What becomes of a request that was sent. Of the last three, one is called, once. */
export interface ResponseHandler {
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
  readonly #client: Client
  readonly #handler: ResponseHandler
  readonly #drop: (client: Client) => void
  #abort: ((reason: Error) => void) | undefined
  #resume: (() => void) | undefined
  #paused = false
  #aborted = false
  /** From then on its connection is another request's. */
  #done = false

  /** @param drop ends a connection that nothing can be sent on any more */
  constructor(client: Client, handler: ResponseHandler, drop: (client: Client) => void) {
    this.#client = client
    this.#handler = handler
    this.#drop = drop
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
    this.#drop(this.#client)
  }

  onConnect(abort: (reason?: Error) => void): void {
    this.#abort = abort
    this.#handler.onRequestStart(this)
  }

  onHeaders(status: number, fields: Buffer[], resume: () => void, reason: string): boolean {
    this.#resume = resume
    this.#handler.onResponseStart(this, status, fields, reason)
    return !this.#paused
  }

  onData(chunk: Buffer): boolean {
    this.#handler.onResponseData(this, chunk)
    return !this.#paused
  }

  onComplete(trailers: RawFields | null): void {
    this.#done = true
    this.#handler.onResponseEnd(trailers ?? [])
  }

  onError(error: Error): void {
    this.#done = true
    // It broke, or could not be made, or undici would make it anew for a request that it gave up, but has in its queue still.
    this.#drop(this.#client)
    this.#handler.onResponseError(error)
  }

  onUpgrade(_status: number, fields: Buffer[] | string[] | null, socket: Duplex): void {
    this.#done = true
    this.#handler.onRequestUpgrade(fields ?? [], socket)
  }
}
