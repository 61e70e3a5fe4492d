/** Milliseconds after which a measurement counts about a third (1/e) of a new one. */
const DECAY_MS = 10_000

/**
 * A moving average of latencies that rises at once and falls slowly. A server that becomes slow is therefore avoided at once, and
 * tried again as its average falls. Source: Finagle's peak EWMA.
 */
export class PeakEwma {
  #latencyMs: number | undefined
  #failureShare = 0
  #measuredAt = 0

  /**
   * The average latency in milliseconds. It falls with the time since the last measurement. Undefined: nothing was measured yet.
   */
  get latencyMs(): number | undefined {
    if (this.#latencyMs === undefined) return undefined
    return this.#latencyMs * this.#fadedBy(performance.now())
  }

  /** The average share of failures, from 0 to 1. It falls with the time since the last measurement. */
  get failureShare(): number {
    return this.#failureShare * this.#fadedBy(performance.now())
  }

  /**
   * Adds the measurement of one try.
   *
   * @param latencyMs milliseconds until the response began, or until the try ended without one
   */
  measured(latencyMs: number, hasFailed: boolean): void {
    const now = performance.now()
    const old = this.#latencyMs === undefined ? 0 : this.#fadedBy(now)
    this.#measuredAt = now
    // Only a part of the old average is kept. When many measurements come in one moment, each must still count a little.
    const kept = Math.min(old, MOST_KEPT)
    this.#failureShare = this.#failureShare * kept + (hasFailed ? 1 - kept : 0)
    const before = this.#latencyMs ?? latencyMs
    this.#latencyMs = latencyMs > before ? latencyMs : before * kept + latencyMs * (1 - kept)
  }

  #fadedBy(now: number): number {
    return Math.exp((this.#measuredAt - now) / DECAY_MS)
  }
}

/** The largest share of the old average that may remain after a new measurement. */
const MOST_KEPT = 0.95
