import { settledWithin } from '../base/timing.js'
import type { ProxyError } from '../model/errors.js'
import { DEFAULT_LIMITS, type Timeouts } from '../model/limits.js'
import { LingeringClose, type LingerLimits } from './client/lingering-close.js'
import type { Exchange } from './exchange.js'

/** Milliseconds between two checks of all exchanges, at most. */
const MAX_CHECK_MS = 1_000
/** Milliseconds between two checks of all exchanges, at least. */
const MIN_CHECK_MS = 25
/** Checks within the time of the shortest limit. An idle exchange is noticed up to two checks late. */
const CHECKS_PER_LIMIT = 20
/** The share of the time that checks may take. With very many exchanges, the proxy checks less often. */
const MAX_SHARE_OF_TIME = 0.05

/** The exchanges in flight. Closing waits for them, and cuts the ones that last too long. */
export class InFlight {
  /**
   * The exchanges, without an order. A `Set` would keep every exchange alive until the next full garbage collection: V8 links
   * each outgrown table of a `Set`, with its entries, to the next table. Those collections took a quarter of the time.
   */
  readonly #exchanges: Exchange[] = []
  /** Client connections that are being closed in stages, behind early responses. Closing waits for them too, and cuts them. */
  readonly lingering: LingeringClose
  readonly #timeouts: Timeouts
  /** Functions to call once, when no exchange is in flight and no connection is being closed in stages. */
  readonly #onIdle: (() => void)[] = []
  readonly #checkMs: number
  #timer: NodeJS.Timeout | undefined
  #hasEnded = false

  constructor(timeouts: Timeouts, limits: LingerLimits = DEFAULT_LIMITS) {
    this.#timeouts = timeouts
    this.lingering = new LingeringClose(limits)
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

  /** Starts the one timer for all exchanges. It does not run while there are none. */
  #checkIn(ms: number): void {
    // `setImmediate` lets Node read what has arrived first. After a long pause of the process, responses wait unread in sockets.
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
    // The last exchange of the list moves into the gap.
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
   * Ends all exchanges, and stops checking them. A client whose response has not begun gets an error response with the reason.
   */
  endAll(reason: ProxyError): void {
    clearTimeout(this.#timer)
    this.#hasEnded = true
    for (const exchange of [...this.#exchanges]) exchange.end(reason)
    // Responses that were written have left by now. Others wait for clients that read too slowly, and are cut.
    for (const exchange of [...this.#exchanges]) exchange.cut(reason)
    this.lingering.destroyAll()
  }
}
