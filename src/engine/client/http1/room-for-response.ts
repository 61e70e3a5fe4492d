import type { ServerResponse } from 'node:http'

/**
 * Calls `resume` when a response to a client can take more bytes (back-pressure). It adds one
 * `drain` listener for the whole response, and never removes it. The `compression` middleware moves
 * such listeners to a stream of its own, where a listener added by `once` could not be removed.
 */
export class RoomForResponse {
  /** Called at the next `drain`. `undefined` while the writer does not wait. */
  #resume: (() => void) | undefined

  constructor(res: ServerResponse) {
    res.on('drain', () => this.#drained())
  }

  /** Makes the next `drain` event of the response call `resume`. */
  wait(resume: () => void): void {
    this.#resume = resume
  }

  // If the proxy waits for room, calls `resume` in the next turn of the event loop. A `drain` event may come from
  // within undici's parser of another server connection, while the next pipelined response is being written. undici
  // has one current parser for all connections. A call to the parser from within itself would mix up two connections.
  #drained(): void {
    const resume = this.#resume
    this.#resume = undefined
    if (resume) setImmediate(resume)
  }
}
