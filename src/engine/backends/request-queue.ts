import { parseDuration } from '../../base/parse-duration.js'
import type { QueueConfig } from '../../model/config.js'
import { ProxyError } from '../../model/errors.js'
import { toProxyError } from '../upstream/failures.js'

/** A request that waits for a server. */
export interface WaitingRequest {
  /** Whether the request still needs a server. It does not after an error response, or if its client has disconnected. */
  readonly isWaiting: boolean
  /** Ends the request with an error response. */
  end(error: ProxyError): void
}

interface QueuedRequest {
  readonly waiting: WaitingRequest
  /** Returns whether a server is free for this request. A server that failed it before does not count. */
  readonly hasServer: () => boolean
  readonly proceed: () => void
  readonly timer: NodeJS.Timeout
}

/**
 * The request queue of a backend. Requests wait here in their order while every server is at its limit (`maxConnections`). The
 * queue limits the number of waiting requests and the time that each may wait.
 */
export class RequestQueue {
  #size = 0
  #timeoutMs = 0
  #requests: QueuedRequest[] = []
  #isCalling = false
  #isCalledAgain = false

  constructor(config: QueueConfig | undefined) {
    this.configure(config)
  }

  /** Sets the limits of the queue for requests that arrive from now on. */
  configure({ size = 100, timeout }: QueueConfig = {}): void {
    this.#size = size
    this.#timeoutMs = parseDuration(timeout) ?? 10_000
  }

  /**
   * Lets a request wait until `call` finds a server for it, or until it has waited too long.
   *
   * @param hasServer returns whether a server is free for this request
   * @param proceed tries again to send the request. If it throws, the request ends with that error.
   * @throws ProxyError `PROXY_SERVERS_BUSY` if the queue is full
   */
  enter(waiting: WaitingRequest, hasServer: () => boolean, proceed: () => void): void {
    // If the queue is full, remove requests whose clients have disconnected. They must not take room from others.
    if (this.#requests.length >= this.#size)
      this.#requests = this.#requests.filter((request) => this.#isAwaited(request))
    if (this.#requests.length >= this.#size)
      throw new ProxyError(
        'PROXY_SERVERS_BUSY',
        `every server has its maxConnections, and the queue is full (queue.size: ${this.#size})`,
      )
    const timer = setTimeout(() => this.#giveUp(request), this.#timeoutMs).unref()
    const request: QueuedRequest = { waiting, hasServer, proceed, timer }
    this.#requests.push(request)
  }

  /**
   * Takes requests out of the queue in their order, and tries again to send each request for which a server is free.
   *
   * @param hasRoom returns whether any server has room at all
   */
  call(hasRoom: () => boolean): void {
    // If this function is already running, check the queue again in a later turn of the event loop. A request that proceeds may
    // end at once, and its end calls this function again.
    if (this.#isCalling) {
      this.#isCalledAgain = true
      return
    }
    this.#isCalling = true
    this.#isCalledAgain = false
    const stay: QueuedRequest[] = []
    const all = this.#requests
    this.#requests = []
    for (const request of all) {
      if (!this.#isAwaited(request)) continue
      if (!hasRoom() || !request.hasServer()) {
        stay.push(request)
        continue
      }
      clearTimeout(request.timer)
      this.#proceed(request)
    }
    // Requests that arrived during the loop stand behind the requests that still wait.
    this.#requests = [...stay, ...this.#requests]
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
    return this.#requests.length === 0
  }

  #isAwaited({ waiting, timer }: QueuedRequest): boolean {
    if (!waiting.isWaiting) clearTimeout(timer)
    return waiting.isWaiting
  }

  #giveUp(request: QueuedRequest): void {
    this.#requests = this.#requests.filter((other) => other !== request)
    if (!request.waiting.isWaiting) return
    request.waiting.end(
      new ProxyError('PROXY_SERVERS_BUSY', `no server was free within ${this.#timeoutMs} ms`),
    )
  }
}
