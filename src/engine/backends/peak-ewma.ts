/** What was measured so long ago counts a third of what is measured now. */
const DECAY_MS = 10_000

/**
 * A moving average that goes up at once and down slowly, so that a server that became slow is left at once, and tried again
 * as its average fades. Source: Finagle's peak EWMA.
 */
export class PeakEwma {
  #latencyMs: number | undefined
  #failureShare = 0
  #measuredAt = 0

  /** In milliseconds, faded by the time that has gone since it was measured; undefined: nothing was measured yet. */
  get latencyMs(): number | undefined {
    if (this.#latencyMs === undefined) return undefined
    return this.#latencyMs * this.#fadedBy(performance.now())
  }

  /** From 0 to 1. */
  get failureShare(): number {
    return this.#failureShare * this.#fadedBy(performance.now())
  }

  /** A response began after so many milliseconds, or there was none. */
  measured(latencyMs: number, hasFailed: boolean): void {
    const now = performance.now()
    const old = this.#latencyMs === undefined ? 0 : this.#fadedBy(now)
    this.#measuredAt = now
    // Of many measured within a moment each counts a little all the same.
    const kept = Math.min(old, MOST_KEPT)
    this.#failureShare = this.#failureShare * kept + (hasFailed ? 1 - kept : 0)
    const before = this.#latencyMs ?? latencyMs
    this.#latencyMs = latencyMs > before ? latencyMs : before * kept + latencyMs * (1 - kept)
  }

  #fadedBy(now: number): number {
    return Math.exp((this.#measuredAt - now) / DECAY_MS)
  }
}

const MOST_KEPT = 0.95
