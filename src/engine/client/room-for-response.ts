import type { ServerResponse } from 'node:http'

/**
 * Tells when a response has room again. It listens once for a whole response: `compression` moves listeners to a stream of its own,
 * from which Node's `once` cannot take them off.
 */
export class RoomForResponse {
  readonly #resume: () => void
  #waits = false

  constructor(res: ServerResponse, resume: () => void) {
    this.#resume = resume
    res.on('drain', () => this.#drained())
  }

  wait(): void {
    this.#waits = true
  }

  // Node says so from within a write of the response behind, and that from within undici's parser of another connection: there is
  // one for all, which would take this call for one that it must not be given.
  #drained(): void {
    if (!this.#waits) return
    this.#waits = false
    setImmediate(this.#resume)
  }
}
