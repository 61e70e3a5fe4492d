import { PeakEwma } from './peak-ewma.js'

/** The share of its weight with which a server begins its slow start. */
const LEAST_SHARE = 0.1

/** A reason for a server to be out of rotation: its health checks failed, or outlier detection ejected it. */
export type Outage = 'check' | 'ejection'

/** Receives the changes of a server's state. Among the generations of a backend, only the newest that serves listens. */
export interface StateListener {
  /** The number of requests under way has changed, or whether the server may get requests. */
  changed(): void
  /** The server is out of rotation. */
  wentOut(reason: string): void
  /** The server is back in rotation. */
  cameBack(reason: string): void
}

/** The requests and failures of a server that outlier detection counts in one interval. */
export interface CountedInterval {
  /** The end of the interval, in milliseconds of `performance.now()`. */
  readonly endsAt: number
  requests: number
  failures: number
}

/**
 * The state of a server of one backend. It outlives configurations. So a new configuration neither puts a dead server back nor
 * forgets how fast the others are.
 */
export class ServerState {
  /** The number of requests of this backend that are under way on the server. */
  inFlight = 0
  /** The server's latency and share of failures. Measured only if a strategy or a guard of the backend uses them. */
  readonly quality = new PeakEwma()
  /** Consecutive failures. */
  failures = 0
  /** Consecutive ejections. Each lasts longer than the one before. */
  ejections = 0
  /** The end of the last ejection, in milliseconds of `performance.now()`. */
  backAt = 0
  /** The number of requests that may be under way on the server at the same time. */
  maxConnections = Number.POSITIVE_INFINITY
  /** The result of the last health check, and the number of consecutive checks with that result. */
  lastChecks: { readonly wereHealthy?: boolean; readonly consecutive: number } = { consecutive: 0 }
  /** The interval in which outlier detection counts now. Undefined before the first request and after an ejection. */
  counted: CountedInterval | undefined
  listener: StateListener | undefined
  readonly #outages = new Map<Outage, string>()
  #backSince: number | undefined

  /** Whether the server is in rotation, so it may get new requests. */
  get isAvailable(): boolean {
    return this.#outages.size === 0
  }

  /** Why the server is out of rotation: the first of several reasons. Undefined while it is in rotation. */
  get reason(): string | undefined {
    const [first] = this.#outages.values()
    return first
  }

  isOut(outage: Outage): boolean {
    return this.#outages.has(outage)
  }

  /** Takes the server out of rotation, or adds a further reason to stay out. */
  takeOut(outage: Outage, reason: string): void {
    const wasAvailable = this.isAvailable
    if (!this.#outages.has(outage)) this.#outages.set(outage, reason)
    if (!wasAvailable) return
    this.listener?.changed()
    this.listener?.wentOut(reason)
  }

  /** Removes one reason. Without another one, the server is back in rotation. */
  putBack(outage: Outage, reason = ''): void {
    if (!this.#outages.delete(outage) || !this.isAvailable) return
    this.#backSince = performance.now()
    this.failures = 0
    this.listener?.changed()
    this.listener?.cameBack(reason)
  }

  /** Begins the slow start of a new server. */
  begin(): void {
    this.#backSince = performance.now()
  }

  /** Returns the share of its weight that the server has now, from 0.1 to 1. @param slowStartMs the length of the slow start */
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
