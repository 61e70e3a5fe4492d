import { MAX_TIMER_MS } from '../../base/known-options.js'
import { ProxyError } from '../../model/errors.js'

/**
 * The callbacks of a caller that needs a connection to a server, for example to send a request. `ConnectionPlaces` calls exactly
 * one of these callbacks, once.
 */
export interface Claim<Connection> {
  /**
   * Called when the connection limit allows a new connection. The caller opens that connection, and calls `leave` when it has
   * closed.
   */
  begin(): void
  /** Called with an open connection that has become free. Without this function, the caller accepts only a new connection. */
  readonly use?: ((connection: Connection) => void) | undefined
  /** Called with the error when the caller gets no connection: it has waited too long, or the upstream has been destroyed. */
  refuse(error: ProxyError): void
}

/**
 * Milliseconds for which a socket that the proxy has cut still counts against the connection limit. The end of that socket is
 * sent before the next connection opens, but a busy server may notice the new connection first. The server would then see more
 * connections than its limit.
 */
const SEEN_MS = 20

interface WaitingClaim<Connection> {
  readonly claim: Claim<Connection>
  readonly timer: NodeJS.Timeout | undefined
}

/**
 * Counts and limits the sockets that one backend has to one server, including the sockets of tunnels and authenticated clients.
 * Each socket counts (takes a place) from the first packet of its connection until it has closed. At the limit, a new connection
 * waits until another one has closed. Otherwise the server would see more connections than its limit.
 */
export class ConnectionPlaces<Connection> {
  readonly #waitMs: number
  #limit = Number.POSITIVE_INFINITY
  #taken = 0
  #waiting: WaitingClaim<Connection>[] = []
  readonly #onChange: (by: 1 | -1) => void

  /**
   * Creates the counter without a limit. The setter `limit` sets one.
   *
   * @param waitMs the milliseconds that a caller waits for a connection at most; `Infinity` means no limit
   * @param onChange called with 1 for each socket that begins to count, and with -1 for each that no longer counts
   */
  constructor(waitMs: number, onChange: (by: 1 | -1) => void) {
    this.#waitMs = waitMs
    this.#onChange = onChange
  }

  /** The number of sockets that may be open at the same time. When it is raised, waiting callers can open connections at once. */
  set limit(limit: number) {
    this.#limit = limit
    this.#callNext()
  }

  get isLimited(): boolean {
    return this.#limit < Number.POSITIVE_INFINITY
  }

  get isFull(): boolean {
    return this.#taken >= this.#limit
  }

  get isAwaited(): boolean {
    return this.#waiting.length > 0
  }

  /** The number of sockets above the limit. It is above 0 only after the limit has been lowered. */
  get excess(): number {
    return Math.max(0, this.#taken - this.#limit)
  }

  /**
   * Lets a caller open a connection at once, if the limit allows it. Otherwise the caller waits.
   *
   * @returns whether the caller could open a connection at once
   */
  take(claim: Claim<Connection>): boolean {
    if (!this.isFull) {
      this.enter()
      claim.begin()
      return true
    }
    const giveUp = () => {
      this.#waiting = this.#waiting.filter((other) => other.claim !== claim)
      claim.refuse(new ProxyError('PROXY_SERVERS_BUSY', `no connection was free within ${this.#waitMs} ms`))
    }
    const hasTimeout = Number.isFinite(this.#waitMs)
    const timer = hasTimeout ? setTimeout(giveUp, Math.min(this.#waitMs, MAX_TIMER_MS)).unref() : undefined
    this.#waiting.push({ claim, timer })
    return false
  }

  /** Gives an open connection to the first waiting caller that accepts an open one. @returns whether such a caller was waiting */
  giveOpen(connection: Connection): boolean {
    const index = this.#waiting.findIndex(({ claim }) => claim.use)
    const [first] = index < 0 ? [] : this.#waiting.splice(index, 1)
    clearTimeout(first?.timer)
    first?.claim.use?.(connection)
    return first !== undefined
  }

  /**
   * Stops counting a socket that has closed. If there is a limit, the socket counts until the server has probably noticed the
   * close.
   *
   * @param wasCut whether the proxy cut the connection in the middle of a request, so the server does not expect its end.
   *   Otherwise the server has closed its side, or is about to.
   */
  leave(wasCut = false): void {
    if (!this.isLimited) this.#left()
    else if (wasCut) setTimeout(() => this.#left(), SEEN_MS)
    // Wait two turns of the event loop. By then, a server that runs in this same process has noticed that the socket has closed.
    else setImmediate(() => setImmediate(() => this.#left()))
  }

  /** Refuses a connection to all waiting callers, and tells each the reason. */
  refuseAll(reason: ProxyError): void {
    for (const { claim, timer } of this.#waiting.splice(0)) {
      clearTimeout(timer)
      claim.refuse(reason)
    }
  }

  /** Counts one more socket without waiting. The caller has checked that the limit allows it. */
  enter(): void {
    this.#taken += 1
    this.#onChange(1)
  }

  #left(): void {
    this.#taken -= 1
    this.#callNext()
    this.#onChange(-1)
  }

  #callNext(): void {
    while (!this.isFull) {
      const next = this.#waiting.shift()
      if (!next) return
      clearTimeout(next.timer)
      this.enter()
      next.claim.begin()
    }
  }
}
