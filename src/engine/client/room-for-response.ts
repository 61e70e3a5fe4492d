import type { ServerResponse } from 'node:http'

/**
 * Calls back when a response can take more bytes. It adds one `drain` listener for the whole response. The
 * `compression` middleware moves listeners to a stream of its own, where Node's `once` cannot remove them.
 */
export class RoomForResponse {
  readonly #resume: () => void
  #waits = false

  constructor(res: ServerResponse, resume: () => void) {
    this.#resume = resume
    res.on('drain', () => this.#drained())
  }

  /** Asks for the call at the next `drain`. */
  wait(): void {
    this.#waits = true
  }

  // `drain` may come while the next pipelined response is written, from within undici's parser of another server
  // connection. undici has one current parser for all connections, and calling it again from there would confuse the two.
  #drained(): void {
    if (!this.#waits) return
    this.#waits = false
    setImmediate(this.#resume)
  }
}
