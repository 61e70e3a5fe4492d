import { MAX_TIMER_MS } from '../../base/known-options.js'
import { ProxyError } from '../../model/errors.js'

/** Somebody who needs a connection, and gets one of three calls. */
export interface Waiting<Connection> {
  /** There is a place for a new connection. It is taken; `leave` must follow. */
  begin(): void
  /** A connection that stands is free. Undefined: only a new one will do. */
  readonly use?: ((connection: Connection) => void) | undefined
  /** There was neither for too long, or all ends. */
  refuse(error: ProxyError): void
}

/** The end of a connection that was cut left before a new one can; but a busy server may look at the new one first. */
const SEEN_MS = 20

interface TakenPlace<Connection> {
  readonly waiting: Waiting<Connection>
  readonly timer: NodeJS.Timeout | undefined
}

/**
 * Counts the sockets of one backend to one server, from the first packet of a connection to the end of its socket, whoever uses them:
 * requests, tunnels, authenticated clients. At the limit a new one waits until another has closed, or the server would see more.
 */
export class ConnectionPlaces<Connection> {
  readonly #waitMs: number
  #limit = Number.POSITIVE_INFINITY
  #taken = 0
  #waiting: TakenPlace<Connection>[] = []
  readonly #changed: (by: 1 | -1) => void

  /**
   * @param waitMs how long one waits at most; `Infinity` is no limit
   * @param changed called for each place that is taken or left
   */
  constructor(waitMs: number, changed: (by: 1 | -1) => void) {
    this.#waitMs = waitMs
    this.#changed = changed
  }

  /** Sockets at a time. Those that wait get what a higher limit allows. */
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

  /** How many sockets there are above the limit. */
  get excess(): number {
    return Math.max(0, this.#taken - this.#limit)
  }

  /** Takes a place at once if there is one, else waits. @returns whether there was one */
  take(waiting: Waiting<Connection>): boolean {
    if (!this.isFull) {
      this.enter()
      waiting.begin()
      return true
    }
    const giveUp = () => {
      this.#waiting = this.#waiting.filter((other) => other.waiting !== waiting)
      waiting.refuse(new ProxyError('PROXY_SERVERS_BUSY', `no connection was free within ${this.#waitMs} ms`))
    }
    const endsAtAll = Number.isFinite(this.#waitMs)
    const timer = endsAtAll ? setTimeout(giveUp, Math.min(this.#waitMs, MAX_TIMER_MS)).unref() : undefined
    this.#waiting.push({ waiting, timer })
    return false
  }

  /** Gives a connection that stands to the first who waits and can use it. @returns whether there was one */
  giveStanding(connection: Connection): boolean {
    const index = this.#waiting.findIndex(({ waiting }) => waiting.use)
    const [place] = index < 0 ? [] : this.#waiting.splice(index, 1)
    clearTimeout(place?.timer)
    place?.waiting.use?.(connection)
    return place !== undefined
  }

  /**
   * A socket has closed.
   *
   * @param wasCut the server did not expect that. Else it has closed its own, or is about to
   */
  leave(wasCut = false): void {
    if (!this.isLimited) this.#left()
    else if (wasCut) setTimeout(() => this.#left(), SEEN_MS)
    // Two turns later a server that runs in this process has seen it.
    else setImmediate(() => setImmediate(() => this.#left()))
  }

  /** All who wait are told why they wait in vain. */
  refuseAll(reason: ProxyError): void {
    for (const { waiting, timer } of this.#waiting.splice(0)) {
      clearTimeout(timer)
      waiting.refuse(reason)
    }
  }

  /** Takes a place for a connection that stands. */
  enter(): void {
    this.#taken += 1
    this.#changed(1)
  }

  #left(): void {
    this.#taken -= 1
    this.#callNext()
    this.#changed(-1)
  }

  #callNext(): void {
    while (!this.isFull) {
      const next = this.#waiting.shift()
      if (!next) return
      clearTimeout(next.timer)
      this.enter()
      next.waiting.begin()
    }
  }
}
