import { PeakEwma } from './peak-ewma.js'

/** At its beginning a server in slow start has so much of its weight. */
const LEAST_SHARE = 0.1

/** Why a server is out of rotation: what its checks say, or how its requests went. */
export type Outage = 'check' | 'ejection'

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

  /** @returns whether it was in rotation until now */
  takeOut(outage: Outage, reason: string): boolean {
    const wasAvailable = this.isAvailable
    if (!this.#outages.has(outage)) this.#outages.set(outage, reason)
    return wasAvailable
  }

  /** @returns whether it is in rotation from now on */
  putBack(outage: Outage): boolean {
    if (!this.#outages.delete(outage) || !this.isAvailable) return false
    this.#backSince = performance.now()
    this.failures = 0
    return true
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
