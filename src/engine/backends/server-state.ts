import { PeakEwma } from './peak-ewma.js'

/** The share of its weight that a server has at the beginning of its slow start. */
const LEAST_SHARE = 0.1

/** A reason for a server to be out of rotation: its health checks failed, or outlier detection ejected it. */
export type Outage = 'check' | 'ejection'

/** Callbacks for the changes of a server's state. Only the newest generation of a backend that serves receives the calls. */
export interface StateListener {
  /** Called when the number of requests under way has changed, or when the server has gone out of rotation or come back. */
  changed(): void
  /** Called when the server has gone out of rotation. */
  wentOut(reason: string): void
  /** Called when the server is back in rotation. */
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
 * The state of one server of one backend, which the next generation keeps. So a new configuration does not put an unhealthy
 * server back in rotation, and does not forget how fast the servers are.
 */
export class ServerState {
  /** The number of requests of this backend that are under way on the server. */
  inFlight = 0
  /**
   * The server's latency and share of failures. Measured only if a strategy, a circuit breaker or outlier detection uses them.
   */
  readonly quality = new PeakEwma()
  /** The number of consecutive requests that failed on this server. Outlier detection counts them. */
  failures = 0
  /** The number of consecutive ejections of this server. Each ejection lasts longer than the one before, up to a limit. */
  ejections = 0
  /** The end of the last ejection, in milliseconds of `performance.now()`. */
  backAt = 0
  /** The largest number of requests that may be under way on the server at the same time. */
  maxConnections = Number.POSITIVE_INFINITY
  /** The result of the last health check, and the number of consecutive checks with that result. */
  lastChecks: { readonly wereHealthy?: boolean; readonly consecutive: number } = { consecutive: 0 }
  /** The counts of outlier detection in the current interval. Undefined before the first request and after an ejection. */
  counted: CountedInterval | undefined
  listener: StateListener | undefined
  readonly #outages = new Map<Outage, string>()
  #backSince: number | undefined

  /** Whether the server is in rotation, so it may get new requests. */
  get isAvailable(): boolean {
    return this.#outages.size === 0
  }

  /**
   * The reason why the server is out of rotation: the first one if there are several. Undefined while the server is in rotation.
   */
  get reason(): string | undefined {
    const [first] = this.#outages.values()
    return first
  }

  isOut(outage: Outage): boolean {
    return this.#outages.has(outage)
  }

  /** Takes the server out of rotation. If it is out of rotation already, adds another reason to stay out. */
  takeOut(outage: Outage, reason: string): void {
    const wasAvailable = this.isAvailable
    if (!this.#outages.has(outage)) this.#outages.set(outage, reason)
    if (!wasAvailable) return
    this.listener?.changed()
    this.listener?.wentOut(reason)
  }

  /** Removes one reason to be out of rotation. If no other reason remains, the server is back in rotation. */
  putBack(outage: Outage, reason = ''): void {
    if (!this.#outages.delete(outage) || !this.isAvailable) return
    this.#backSince = performance.now()
    this.failures = 0
    this.listener?.changed()
    this.listener?.cameBack(reason)
  }

  /** Begins the slow start of a new server, during which it gets only a part of its requests. */
  begin(): void {
    this.#backSince = performance.now()
  }

  /** Returns the share of the server's weight that counts now, from 0.1 to 1. @param slowStartMs the length of the slow start */
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
