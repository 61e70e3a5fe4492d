import type { CircuitStats } from '../../rules/circuit-expression.js'

/** So many slices of a second each are looked at. Traefik's window too. */
const SLICES = 10
const SLICE_MS = 1_000

/** Latencies are counted in steps of a tenth. */
const STEP = 1.1

/** What was counted in a second. */
class Slice {
  readonly second: number
  total = 0
  networkErrors = 0
  readonly statuses = new Map<number, number>()
  /** By step. */
  readonly latencies = new Map<number, number>()

  constructor(second: number) {
    this.second = second
  }
}

/** How the requests of the last ten seconds went. */
export class RecentResponses implements CircuitStats {
  #slices: readonly Slice[] = []

  /** @param status of the response; undefined: there was none */
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
