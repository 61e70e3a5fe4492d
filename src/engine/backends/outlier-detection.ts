import { parseDuration } from '../../base/parse-duration.js'
import type { OutlierDetectionConfig } from '../../model/config.js'
import type { ProxyError } from '../../model/errors.js'
import type { LiveServer } from './live-server.js'
import type { CountedInterval, ServerState } from './server-state.js'

/** Milliseconds of a server's first ejection after a failed connection. One failed connection is enough to eject the server. */
const CONNECT_EJECTION_MS = 1_000
/** The length of the longest ejection after a failed connection, in milliseconds. */
const MAX_CONNECT_EJECTION_MS = 30_000

interface EjectionLimits {
  readonly consecutiveFailures: number
  readonly failureShare: number
  readonly minimumRequests: number
  readonly intervalMs: number
  readonly ejectionMs: number
  readonly maxEjectionMs: number
}

/**
 * Takes servers out of rotation when their requests fail. Each further ejection of a server lasts twice as long, up to a limit. A
 * failed connection ejects a server at once. For failed responses, the configuration sets the thresholds. The last available
 * server is never ejected. Source: Envoy's outlier detection.
 */
export class OutlierDetection {
  readonly #servers: readonly LiveServer[]
  readonly #limits: EjectionLimits | undefined
  readonly #mostEjected: number

  constructor(servers: readonly LiveServer[], config: OutlierDetectionConfig | undefined) {
    this.#servers = servers.filter(({ weight }) => weight > 0)
    this.#limits = config && limitsOf(config)
    const { maxEjectedShare = 0.5 } = config ?? {}
    const most = config ? Math.floor(this.#servers.length * maxEjectedShare) : Number.POSITIVE_INFINITY
    this.#mostEjected = Math.min(most, this.#servers.length - 1)
  }

  /** Whether failed responses can eject a server too, and not only failed connections. */
  get judgesResponses(): boolean {
    return this.#limits !== undefined
  }

  /** Ejects a server to which no connection was possible. */
  unreachable(server: LiveServer, { message }: ProxyError): void {
    const { ejectionMs = CONNECT_EJECTION_MS, maxEjectionMs = MAX_CONNECT_EJECTION_MS } = this.#limits ?? {}
    this.#eject(server, message, ejectionMs, maxEjectionMs)
  }

  /** Counts a request that ended, with or without a response. Ejects the server if its requests failed too often. */
  judge(server: LiveServer, hasFailed: boolean): void {
    const limits = this.#limits
    const { state } = server
    if (!limits || !state.isAvailable) return
    const window = this.#windowOf(state, limits.intervalMs)
    window.requests += 1
    if (!hasFailed) {
      state.failures = 0
      return
    }
    window.failures += 1
    state.failures += 1
    const reason = this.#reasonOf(limits, state, window)
    if (reason !== undefined) this.#eject(server, reason, limits.ejectionMs, limits.maxEjectionMs)
  }

  /** Returns the reason to eject the server. Returns undefined if there is none. */
  #reasonOf(limits: EjectionLimits, { failures }: ServerState, window: CountedInterval): string | undefined {
    if (failures >= limits.consecutiveFailures) return `${failures} consecutive failures`
    const share = window.failures / window.requests
    if (window.requests >= limits.minimumRequests && share >= limits.failureShare)
      return `${window.failures} of ${window.requests} requests failed`
    return undefined
  }

  /** Returns the server's counts in the current interval. Begins a new interval if the last one is over. */
  #windowOf(state: ServerState, intervalMs: number): CountedInterval {
    const now = performance.now()
    const { counted } = state
    if (counted && now < counted.endsAt) return counted
    const fresh = { endsAt: now + intervalMs, requests: 0, failures: 0 }
    state.counted = fresh
    return fresh
  }

  #eject(server: LiveServer, reason: string, baseMs: number, mostMs: number): void {
    const { state } = server
    if (!state.isAvailable) return
    const ejected = this.#servers.filter((other) => other.state.isOut('ejection')).length
    const isLast = !this.#servers.some((other) => other !== server && other.state.isAvailable)
    if (ejected >= this.#mostEjected || isLast) return
    state.counted = undefined
    // If the server was back in rotation for longer than the longest ejection, this ejection counts as its first again.
    if (performance.now() - state.backAt > mostMs) state.ejections = 0
    const ms = Math.min(mostMs, baseMs * 2 ** state.ejections)
    state.ejections += 1
    state.takeOut('ejection', reason)
    setTimeout(() => {
      state.backAt = performance.now()
      state.putBack('ejection', `its ejection of ${ms} ms is over`)
    }, ms).unref()
  }
}

/**
 * Returns the thresholds and times of outlier detection. Fields that the configuration leaves out get their defaults. Validation
 * of the document has checked the durations.
 */
function limitsOf(config: OutlierDetectionConfig): EjectionLimits {
  const ms = (value: string | number | undefined, ofDefault: number) => parseDuration(value) ?? ofDefault
  return {
    consecutiveFailures: config.consecutiveFailures ?? 5,
    failureShare: config.failureShare ?? 1,
    minimumRequests: config.minimumRequests ?? 20,
    intervalMs: ms(config.interval, 10_000),
    ejectionMs: ms(config.ejectionTime, 10_000),
    maxEjectionMs: ms(config.maxEjectionTime, 300_000),
  }
}
