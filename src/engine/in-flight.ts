import { settledWithin } from '../base/timing.js'
import type { ProxyError } from '../model/errors.js'
import type { Timeouts } from '../model/limits.js'
import type { ClosingConnections } from './client/client-side.js'
import type { Exchange } from './exchange.js'

/** Maximum number of milliseconds between two checks of the timeouts of all exchanges. */
const MAX_CHECK_MS = 1_000
/** Minimum number of milliseconds between two checks of the timeouts of all exchanges. */
const MIN_CHECK_MS = 25
/** How many times the exchanges are checked within the shortest timeout. An idle exchange is noticed at most two checks late. */
const CHECKS_PER_LIMIT = 20
/** Maximum share of the process's time that the checks may take. With very many exchanges, the proxy checks less often. */
const MAX_SHARE_OF_TIME = 0.05

/** The requests in flight. A shutdown waits for them, and aborts those that take too long. */
export class InFlight {
  /**
   * The exchanges in flight, in any order. This is an array, because a `Set` would keep ended exchanges alive until the next full
   * garbage collection: V8 links each outgrown table of a `Set`, with its entries, to the next table. Those collections took a
   * quarter of the time.
   */
  readonly #exchanges: Exchange[] = []
  /**
   * Client connections that are closed in stages, after a response that came before the whole request body. A shutdown waits for
   * these connections too, and finally closes them.
   */
  readonly lingering: ClosingConnections
  readonly #timeouts: Timeouts
  /** Callbacks that wait until no exchange is in flight, and no connection is being closed in stages. Each is called once. */
  readonly #onIdle: (() => void)[] = []
  readonly #checkMs: number
  #timer: NodeJS.Timeout | undefined
  #hasEnded = false

  constructor(timeouts: Timeouts, lingering: ClosingConnections) {
    this.#timeouts = timeouts
    this.lingering = lingering
    this.lingering.onIdle = () => this.#tellIdle()
    const { responseHeadMs, bodyIdleMs, requestMs, upgradeIdleMs, retireAfterMs } = timeouts
    const shortestMs = Math.min(responseHeadMs, bodyIdleMs, requestMs, upgradeIdleMs, retireAfterMs)
    this.#checkMs = Math.min(MAX_CHECK_MS, Math.max(MIN_CHECK_MS, shortestMs / CHECKS_PER_LIMIT))
  }

  get exchanges(): readonly Exchange[] {
    return this.#exchanges
  }

  get size(): number {
    return this.#exchanges.length
  }

  add(exchange: Exchange): void {
    exchange.index = this.#exchanges.length
    this.#exchanges.push(exchange)
    if (!this.#timer) this.#checkIn(this.#checkMs)
  }

  /** Starts the single timer that checks all exchanges. It does not run while there are no exchanges. */
  #checkIn(ms: number): void {
    // After the timeout, `setImmediate` lets Node first read what has arrived. If the process was blocked for a while, responses
    // are still unread in their sockets, and must not count as timed out.
    this.#timer = setTimeout(() => setImmediate(() => this.#check()), ms).unref()
  }

  #check(): void {
    if (this.#hasEnded) return
    const now = performance.now()
    for (const exchange of [...this.#exchanges]) exchange.check(now, this.#timeouts)
    this.#timer = undefined
    const tookMs = performance.now() - now
    if (this.#exchanges.length > 0) this.#checkIn(Math.max(this.#checkMs, tookMs / MAX_SHARE_OF_TIME))
  }

  remove(exchange: Exchange): void {
    const { index } = exchange
    if (index === undefined) return
    exchange.index = undefined
    // Move the last exchange of the list to the position of the removed one, so that no gap is left.
    const last = this.#exchanges.pop()
    if (last && last !== exchange) {
      this.#exchanges[index] = last
      last.index = index
    }
    this.#tellIdle()
  }

  get #isIdle(): boolean {
    return this.#exchanges.length === 0 && this.lingering.size === 0
  }

  #tellIdle(): void {
    if (!this.#isIdle) return
    for (const tell of this.#onIdle.splice(0)) tell()
  }

  /** Resolves when no exchange is in flight, and no connection is being closed in stages. */
  async whenIdle(): Promise<void> {
    if (!this.#isIdle) await new Promise<void>((resolve) => this.#onIdle.push(resolve))
  }

  /** Resolves like `whenIdle`, but at the latest after `limitMs` milliseconds. */
  async idleWithin(limitMs: number): Promise<void> {
    if (this.#isIdle || limitMs <= 0) return
    await settledWithin(this.whenIdle(), limitMs)
  }

  /**
   * Ends all exchanges, and stops checking their timeouts. A client whose response has not begun gets an error response with the
   * reason.
   */
  endAll(reason: ProxyError): void {
    clearTimeout(this.#timer)
    this.#hasEnded = true
    for (const exchange of [...this.#exchanges]) exchange.end(reason)
    // Error responses that clients could take have been written by now. The remaining clients read too slowly, so close their
    // connections.
    for (const exchange of [...this.#exchanges]) exchange.cut(reason)
    this.lingering.destroyAll()
  }
}
