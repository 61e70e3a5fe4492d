import { parseDuration } from '../../base/parse-duration.js'
import type { QueueConfig } from '../../model/config.js'
import { ProxyError } from '../../model/errors.js'
import { toProxyError } from '../upstream/failures.js'

/** A request that waits for a server. */
export interface Waiting {
  /** Nobody waits for it any more. */
  readonly clientLeft: boolean
  /** Answers it with an error. */
  end(error: ProxyError): void
}

interface QueuedRequest {
  readonly waiting: Waiting
  /** Whether there is a server for it: one that it was sent to in vain is none. */
  readonly hasServer: () => boolean
  readonly proceed: () => void
  readonly timer: NodeJS.Timeout
}

/** Where requests wait in their order while every server has all that it may have: no more than so many, no longer than so long. */
export class RequestQueue {
  #size = 0
  #timeoutMs = 0
  #places: QueuedRequest[] = []
  #isCalling = false
  #isCalledAgain = false

  constructor(config: QueueConfig | undefined) {
    this.configure(config)
  }

  /** For those who come from now on. */
  configure({ size = 100, timeout }: QueueConfig = {}): void {
    this.#size = size
    this.#timeoutMs = parseDuration(timeout) ?? 10_000
  }

  /**
   * Waits until it is called, or for too long.
   *
   * @param hasServer whether there is one that it may have
   * @param proceed tries again; what it throws is the answer
   * @throws ProxyError `PROXY_SERVERS_BUSY` if there is no room
   */
  enter(waiting: Waiting, hasServer: () => boolean, proceed: () => void): void {
    // Those whose clients have left take no room from others.
    if (this.#places.length >= this.#size)
      this.#places = this.#places.filter((place) => this.#isAwaited(place))
    if (this.#places.length >= this.#size)
      throw new ProxyError(
        'PROXY_SERVERS_BUSY',
        `every server has its maxConnections, and the queue is full (queue.size: ${this.#size})`,
      )
    const timer = setTimeout(() => this.#giveUp(place), this.#timeoutMs).unref()
    const place: QueuedRequest = { waiting, hasServer, proceed, timer }
    this.#places.push(place)
  }

  /** Calls in those for whom there is a server, in their order. @param hasRoom whether there is one for anybody */
  call(hasRoom: () => boolean): void {
    // Whoever proceeds may end at once, and call: then all are looked at once more, in a turn of its own.
    if (this.#isCalling) {
      this.#isCalledAgain = true
      return
    }
    this.#isCalling = true
    this.#isCalledAgain = false
    const stay: QueuedRequest[] = []
    const all = this.#places
    this.#places = []
    for (const place of all) {
      if (!this.#isAwaited(place)) continue
      if (!hasRoom() || !place.hasServer()) {
        stay.push(place)
        continue
      }
      clearTimeout(place.timer)
      this.#proceed(place)
    }
    // Behind them, those that came meanwhile.
    this.#places = [...stay, ...this.#places]
    this.#isCalling = false
    if (this.#isCalledAgain) setImmediate(() => this.call(hasRoom))
  }

  #proceed({ waiting, proceed }: QueuedRequest): void {
    try {
      proceed()
    } catch (thrown) {
      waiting.end(toProxyError(thrown))
    }
  }

  get isEmpty(): boolean {
    return this.#places.length === 0
  }

  #isAwaited({ waiting, timer }: QueuedRequest): boolean {
    if (waiting.clientLeft) clearTimeout(timer)
    return !waiting.clientLeft
  }

  #giveUp(place: QueuedRequest): void {
    this.#places = this.#places.filter((other) => other !== place)
    if (place.waiting.clientLeft) return
    place.waiting.end(new ProxyError('PROXY_SERVERS_BUSY', `no server was free within ${this.#timeoutMs} ms`))
  }
}
