import type { CircuitStats } from '../../rules/circuit-expression.js'

/** The number of one-second slices that the statistics cover. Traefik's statistics also cover ten seconds. */
const SLICES = 10
const SLICE_MS = 1_000

/** The factor between two neighbouring steps of the latency histogram. A latency is therefore exact to a tenth of its value. */
const STEP = 1.1

/** The counts of the requests in one second. */
class Slice {
  readonly second: number
  total = 0
  networkErrors = 0
  readonly statuses = new Map<number, number>()
  /** The number of requests in each step of the latency histogram. */
  readonly latencies = new Map<number, number>()

  constructor(second: number) {
    this.second = second
  }
}

/** Statistics of a backend's requests in the last ten seconds. */
export class RecentResponses implements CircuitStats {
  #slices: readonly Slice[] = []

  /** Counts a request. @param status the HTTP status of its response; undefined if there was no response */
  count(status: number | undefined, latencyMs: number): void {
    const slice = this.#newest()
    slice.total += 1
    if (status === undefined) slice.networkErrors += 1
    else add(slice.statuses, status, 1)
    add(slice.latencies, Math.floor(Math.log(Math.max(1, latencyMs)) / Math.log(STEP)), 1)
  }

  clear(): void {
    this.#slices = []
  }

  networkErrorRatio(): number {
    let [errors, total] = [0, 0]
    for (const slice of this.#recent()) {
      errors += slice.networkErrors
      total += slice.total
    }
    return total === 0 ? 0 : errors / total
  }

  latencyAtQuantileMs(quantile: number): number {
    const counts = new Map<number, number>()
    let left = 0
    for (const { latencies, total } of this.#recent()) {
      left += (total * quantile) / 100
      for (const [step, count] of latencies) add(counts, step, count)
    }
    for (const [step, count] of [...counts].sort(([a], [b]) => a - b)) {
      left -= count
      if (left <= 0) return STEP ** (step + 1)
    }
    return 0
  }

  responseCodeRatio(a: number, b: number, c: number, d: number): number {
    let [some, all] = [0, 0]
    for (const { statuses } of this.#recent()) {
      for (const [status, count] of statuses) {
        if (status >= a && status < b) some += count
        if (status >= c && status < d) all += count
      }
    }
    return all === 0 ? 0 : some / all
  }

  #recent(): readonly Slice[] {
    const now = Math.floor(performance.now() / SLICE_MS)
    return this.#slices.filter(({ second }) => second > now - SLICES)
  }

  #newest(): Slice {
    const second = Math.floor(performance.now() / SLICE_MS)
    const last = this.#slices.at(-1)
    if (last?.second === second) return last
    const slice = new Slice(second)
    this.#slices = [...this.#recent(), slice]
    return slice
  }
}

function add(counts: Map<number, number>, key: number, count: number): void {
  counts.set(key, (counts.get(key) ?? 0) + count)
}
