import { settledWithin } from '../base/timing.js'
import type { ProxyError } from '../model/errors.js'
import { DEFAULT_LIMITS, type Timeouts } from '../model/limits.js'
import { LingeringClose, type LingerLimits } from './client/lingering-close.js'
import type { Exchange } from './exchange.js'

/** From one look at all exchanges to the next, at most. */
const MAX_CHECK_MS = 1_000
const MIN_CHECK_MS = 25
/** Looks in the time of the shortest limit. A limit on what stands still is noticed up to two looks late. */
const LOOKS = 20
/** With very many under way, looking takes no more than this share of the time. */
const MOST_OF_TIME = 0.05

/** The requests under way, so that closing can wait for them, and cut those that outlast its patience. */
export class InFlight {
  /**
   * In no order. Not a `Set`: V8 links the table that one has outgrown to the next, with all its entries, so that every
   * request lived on until the next full collection, which took a quarter of the time.
   */
  readonly #exchanges: Exchange[] = []
  /** Connections that are closed in stages, behind an early answer: closing waits for them as long, and cuts them too. */
  readonly lingering: LingeringClose
  readonly #timeouts: Timeouts
  /** Called once, when the last one has ended. */
  readonly #onIdle: (() => void)[] = []
  readonly #checkMs: number
  #watch: NodeJS.Timeout | undefined
  #hasEnded = false

  constructor(timeouts: Timeouts, limits: LingerLimits = DEFAULT_LIMITS) {
    this.#timeouts = timeouts
    this.lingering = new LingeringClose(limits)
    this.lingering.onIdle = () => this.#tellIdle()
    const { responseHeadMs, bodyIdleMs, requestMs, upgradeIdleMs, retireAfterMs } = timeouts
    const shortestMs = Math.min(responseHeadMs, bodyIdleMs, requestMs, upgradeIdleMs, retireAfterMs)
    this.#checkMs = Math.min(MAX_CHECK_MS, Math.max(MIN_CHECK_MS, shortestMs / LOOKS))
  }

  get exchanges(): readonly Exchange[] {
    return this.#exchanges
  }

  get size(): number {
    return this.#exchanges.length
  }

  add(exchange: Exchange): void {
    exchange.place = this.#exchanges.length
    this.#exchanges.push(exchange)
    if (!this.#watch) this.#checkIn(this.#checkMs)
  }

  /** One timer for all of them, and none while there are none. */
  #checkIn(ms: number): void {
    // After what has arrived was read: where the process stood still for long, answers lie there unread.
    this.#watch = setTimeout(() => setImmediate(() => this.#check()), ms).unref()
  }

  #check(): void {
    if (this.#hasEnded) return
    const now = performance.now()
    for (const exchange of [...this.#exchanges]) exchange.check(now, this.#timeouts)
    this.#watch = undefined
    const tookMs = performance.now() - now
    if (this.#exchanges.length > 0) this.#checkIn(Math.max(this.#checkMs, tookMs / MOST_OF_TIME))
  }

  remove(exchange: Exchange): void {
    const { place } = exchange
    if (place === undefined) return
    exchange.place = undefined
    // The last one takes its place.
    const last = this.#exchanges.pop()
    if (last && last !== exchange) {
      this.#exchanges[place] = last
      last.place = place
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

  /** Resolves when none is under way. */
  async whenIdle(): Promise<void> {
    if (!this.#isIdle) await new Promise<void>((resolve) => this.#onIdle.push(resolve))
  }

  /** Resolves when none is under way, or at the limit. */
  async idleWithin(limitMs: number): Promise<void> {
    if (this.#isIdle || limitMs <= 0) return
    await settledWithin(this.whenIdle(), limitMs)
  }

  /** Ends them all, and the watch over them. Whose response has not begun is told why. */
  endAll(reason: ProxyError): void {
    clearTimeout(this.#watch)
    this.#hasEnded = true
    for (const exchange of [...this.#exchanges]) exchange.end(reason)
    // An answer that was written has left; what waits for its client to read has waited long enough.
    for (const exchange of [...this.#exchanges]) exchange.cut(reason)
    this.lingering.destroyAll()
  }
}
