import { PeakEwma } from './peak-ewma.js'

/** At its beginning a server in slow start has so much of its weight. */
const LEAST_SHARE = 0.1

/** Why a server is out of rotation: what its checks say, or how its requests went. */
export type Outage = 'check' | 'ejection'

/** Whoever is to know of a server at present: of the backends that had it, the newest that serves. */
export interface StateListener {
  /** What is under way on it, or whether it may have requests, has changed. */
  changed(): void
  wentOut(reason: string): void
  cameBack(reason: string): void
}

/** What is counted of a server in an interval. */
export interface CountedInterval {
  readonly endsAt: number
  requests: number
  failures: number
}

/**
 * What is known of a server of a backend beside its configuration: it outlives configurations, so that a reload neither puts a
 * dead server back nor forgets how fast the others are.
 */
export class ServerState {
  /** Requests of this backend under way on it. */
  inFlight = 0
  /** How fast it answers, and how often it fails, where somebody looks at that. */
  readonly quality = new PeakEwma()
  /** In a row. */
  failures = 0
  /** How often in a row it was ejected: each time is longer. */
  ejections = 0
  /** When the last ejection was over. */
  backAt = 0
  /** Requests that may be under way on it at a time. */
  maxConnections = Number.POSITIVE_INFINITY
  /** What its checks found last, and how often in a row. */
  lastChecks: { readonly wereWell?: boolean; readonly inRow: number } = { inRow: 0 }
  /** What outlier detection counts. */
  counted: CountedInterval | undefined
  listener: StateListener | undefined
  readonly #outages = new Map<Outage, string>()
  #backSince: number | undefined

  /** Whether it may have new requests. */
  get isAvailable(): boolean {
    return this.#outages.size === 0
  }

  /** Why it is out, if it is: of several reasons the first. */
  get reason(): string | undefined {
    const [first] = this.#outages.values()
    return first
  }

  isOut(outage: Outage): boolean {
    return this.#outages.has(outage)
  }

  takeOut(outage: Outage, reason: string): void {
    const wasAvailable = this.isAvailable
    if (!this.#outages.has(outage)) this.#outages.set(outage, reason)
    if (!wasAvailable) return
    this.listener?.changed()
    this.listener?.wentOut(reason)
  }

  /** One of the reasons is one no more. */
  putBack(outage: Outage, reason = ''): void {
    if (!this.#outages.delete(outage) || !this.isAvailable) return
    this.#backSince = performance.now()
    this.failures = 0
    this.listener?.changed()
    this.listener?.cameBack(reason)
  }

  /** It is new: its slow start begins. */
  begin(): void {
    this.#backSince = performance.now()
  }

  /** How much of its weight it is to have. @param slowStartMs how long it takes to all of it */
  shareOf(slowStartMs: number): number {
    if (this.#backSince === undefined) return 1
    const share = (performance.now() - this.#backSince) / slowStartMs
    if (!(share < 1)) {
      this.#backSince = undefined
      return 1
    }
    return Math.max(LEAST_SHARE, share)
  }
}
