import { MAX_TIMER_MS } from '../../base/known-options.js'
import { ProxyError } from '../../model/errors.js'

/** A claim to a connection, by a request for example. `ConnectionPlaces` calls exactly one of these functions, once. */
export interface Claim<Connection> {
  /** The claim has got a place under the limit, and opens a new connection. Call `leave` to give the place back. */
  begin(): void
  /** An open connection is free. A claim without this function accepts only a new connection. */
  readonly use?: ((connection: Connection) => void) | undefined
  /** The claim has waited too long, or the upstream has been destroyed. */
  refuse(error: ProxyError): void
}

/**
 * Milliseconds for which the place of a cut socket stays taken. The end of that socket is sent before the next connection
 * opens, but a busy server may notice the new connection first. It would then see more connections than its limit.
 */
const SEEN_MS = 20

interface WaitingClaim<Connection> {
  readonly claim: Claim<Connection>
  readonly timer: NodeJS.Timeout | undefined
}

/**
 * Counts and limits the sockets that one backend has to one server. The sockets of requests, tunnels and authenticated clients
 * all count. A socket takes a place from the first packet of its connection until it has closed. At the limit, a new
 * connection waits until another has closed. Otherwise the server would see more connections than its limit.
 */
export class ConnectionPlaces<Connection> {
  readonly #waitMs: number
  #limit = Number.POSITIVE_INFINITY
  #taken = 0
  #waiting: WaitingClaim<Connection>[] = []
  readonly #onChange: (by: 1 | -1) => void

  /**
   * @param waitMs the milliseconds that a claim waits at most; `Infinity` means no limit
   * @param onChange called with 1 for each place that is taken, and with -1 for each that is given back
   */
  constructor(waitMs: number, onChange: (by: 1 | -1) => void) {
    this.#waitMs = waitMs
    this.#onChange = onChange
  }

  /** The number of sockets that may be open at the same time. A higher limit lets waiting claims begin at once. */
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

  /** The number of sockets above the limit. */
  get excess(): number {
    return Math.max(0, this.#taken - this.#limit)
  }

  /** Takes a place at once if one is free. Otherwise the claim waits. @returns whether a place was free */
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

  /** Gives an open connection to the first waiting claim that accepts one. @returns whether there was such a claim */
  giveOpen(connection: Connection): boolean {
    const index = this.#waiting.findIndex(({ claim }) => claim.use)
    const [first] = index < 0 ? [] : this.#waiting.splice(index, 1)
    clearTimeout(first?.timer)
    first?.claim.use?.(connection)
    return first !== undefined
  }

  /**
   * Gives back the place of a socket that has closed.
   *
   * @param wasCut whether the proxy cut the connection in the middle of a request, so the server does not expect its end.
   *   Otherwise the server has closed its side, or is about to.
   */
  leave(wasCut = false): void {
    if (!this.isLimited) this.#left()
    else if (wasCut) setTimeout(() => this.#left(), SEEN_MS)
    // A server that runs in this process has noticed the end two turns of the event loop later.
    else setImmediate(() => setImmediate(() => this.#left()))
  }

  /** Refuses all waiting claims, and tells each the reason. */
  refuseAll(reason: ProxyError): void {
    for (const { claim, timer } of this.#waiting.splice(0)) {
      clearTimeout(timer)
      claim.refuse(reason)
    }
  }

  /** Takes a place under the limit without waiting. The caller has checked that one is free. */
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
