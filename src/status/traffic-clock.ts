import { LatencyHistogram } from './latency-histogram.js'

/** The traffic of one second. The percentiles are those of the latency, and are missing if no request ended in that second. */
export interface TrafficPoint {
  /** The time when the second ended (ISO 8601). */
  readonly at: string
  readonly requests: number
  /** The number of responses with a status of 500 or more, and of requests that failed for a reason other than the client. */
  readonly errors: number
  readonly p50Ms?: number
  readonly p90Ms?: number
  readonly p99Ms?: number
  readonly inFlight: number
}

const POINTS = 120
/** The length of one period in seconds. "Recent traffic" means the traffic of the current period and of the one before. */
const HALF_MINUTE = 30

/** Counts the traffic of each second and of each half minute. */
export class TrafficClock {
  readonly points: TrafficPoint[] = []
  /** The number of requests in the last whole second, by response status. */
  lastCodes: ReadonlyMap<number, number> = new Map()
  readonly #inFlight: () => number
  readonly #onHalfMinute: () => void
  readonly #timer: NodeJS.Timeout
  readonly #latency = new LatencyHistogram()
  readonly #listeners = new Set<(point: TrafficPoint) => void>()
  #codes = new Map<number, number>()
  #requests = 0
  #errors = 0
  #lately = 0
  #before = 0
  #seconds = 0

  constructor(inFlight: () => number, onHalfMinute: () => void) {
    this.#inFlight = inFlight
    this.#onHalfMinute = onHalfMinute
    this.#timer = setInterval(() => this.#tick(), 1_000).unref()
  }

  record(code: number, ms: number, failed: boolean): void {
    // Record no latency for a tunnel, such as a WebSocket, because its lifetime is not a response time.
    if (code !== 101) this.#latency.record(ms)
    this.#requests += 1
    this.#codes.set(code, (this.#codes.get(code) ?? 0) + 1)
    this.#lately += 1
    if (failed) this.#errors += 1
  }

  /** The number of requests in the current half minute and in the one before. */
  get lately(): number {
    return this.#lately + this.#before
  }

  onPoint(listener: (point: TrafficPoint) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #tick(): void {
    const point = this.#pointNow()
    if (this.points.push(point) > POINTS) this.points.shift()
    this.lastCodes = this.#codes
    this.#codes = new Map()
    this.#requests = 0
    this.#errors = 0
    this.#latency.clear()
    this.#seconds += 1
    if (this.#seconds % HALF_MINUTE === 0) {
      this.#onHalfMinute()
      this.#before = this.#lately
      this.#lately = 0
    }
    for (const listener of this.#listeners) listener(point)
  }

  #pointNow(): TrafficPoint {
    const latency = this.#latency
    return {
      at: new Date().toISOString(),
      requests: this.#requests,
      errors: this.#errors,
      ...(latency.count > 0 && {
        p50Ms: latency.percentile(0.5) as number,
        p90Ms: latency.percentile(0.9) as number,
        p99Ms: latency.percentile(0.99) as number,
      }),
      inFlight: this.#inFlight(),
    }
  }
}
