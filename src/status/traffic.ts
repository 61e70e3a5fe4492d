import { maskCredentials } from '../base/credentials.js'
import { type EndedRequest, statusOf } from '../engine/request-reports.js'
import { DEFAULT_BUCKETS, Series } from './series.js'
import { TrafficByServer } from './traffic-by-server.js'
import { TrafficClock, type TrafficPoint } from './traffic-clock.js'

/** The number of failed requests that are kept for `/health`. Traefik 1.7 has the same default. */
const RECENT_ERRORS = 10

/** A request that ended with a status of 400 or more. */
export interface RecentError {
  readonly status: number
  readonly method: string
  readonly host: string
  readonly path: string
  readonly at: number
}

/**
 * The number of requests for one frontend: `requests` in total, `lately` in the current half minute, `before` in the half minute
 * before.
 */
export interface FrontendTraffic {
  requests: number
  lately: number
  before: number
}

/** Totals of all requests since the proxy started. */
export interface Totals {
  count: number
  seconds: number
  bytes: number
  readonly byCode: Map<number, number>
}

export interface TrafficOptions {
  /** Upper bounds of the buckets of the duration histograms, in seconds, ascending. */
  readonly buckets?: readonly number[]
  /** The highest number of backends that have metric series of their own. Further backends are counted together. */
  readonly maxBackends?: number
  /** Returns the number of requests in flight. */
  readonly inFlight: () => number
  /** Tells whether the live configuration has a frontend or backend with this name. */
  readonly isConfigured: (kind: 'frontends' | 'backends', name: string) => boolean
}

/** The default number of backends, and of servers, that have metric series of their own. */
export const DEFAULT_MAX_BACKENDS = 1_000
/** The name under which the metrics count all backends beyond the limit on their number. */
const OTHER_BACKENDS = 'other'

/**
 * Counts the requests of the proxy for the metrics, `/health` and the dashboard. Each request that has ended costs a few
 * additions. Everything else is computed on demand.
 */
export class Traffic {
  readonly startedAt = Date.now()
  readonly totals: Totals = { count: 0, seconds: 0, bytes: 0, byCode: new Map() }
  readonly entryPoints = new Map<string, Series>()
  readonly backends = new Map<string, Series>()
  readonly retries = new Map<string, number>()
  readonly frontends = new Map<string, FrontendTraffic>()
  readonly servers = new TrafficByServer()
  readonly recentErrors: RecentError[] = []
  readonly bounds: readonly number[]
  readonly #maxBackends: number
  readonly #clock: TrafficClock
  readonly #isConfigured: TrafficOptions['isConfigured']

  constructor({
    buckets = DEFAULT_BUCKETS,
    maxBackends = DEFAULT_MAX_BACKENDS,
    inFlight,
    isConfigured,
  }: TrafficOptions) {
    this.bounds = buckets
    this.#isConfigured = isConfigured
    this.#maxBackends = maxBackends
    this.#clock = new TrafficClock(inFlight, () => this.#turnOver())
  }

  /** Calls the listener once a second with the traffic of the last second. @returns a function that removes the listener */
  onPoint(listener: (point: TrafficPoint) => void): () => void {
    return this.#clock.onPoint(listener)
  }

  /** The traffic of the last two minutes, with one point for each second. */
  get points(): readonly TrafficPoint[] {
    return this.#clock.points
  }

  /** The number of requests in the last whole second, by response status. */
  get lastSecond(): ReadonlyMap<number, number> {
    return this.#clock.lastCodes
  }

  readonly record = (request: EndedRequest, ms: number): void => {
    const { client, frontend, backend, error, entryPoint = '' } = request
    const { retries } = request.tries
    const code = statusOf(request)
    const failed = code >= 500 || (error !== undefined && error.source !== 'client')
    const { method } = client

    const { totals } = this
    totals.count += 1
    totals.seconds += ms / 1e3
    totals.bytes += request.bodyBytes
    totals.byCode.set(code, (totals.byCode.get(code) ?? 0) + 1)
    this.#clock.record(code, ms, failed)
    this.#seriesOf(this.entryPoints, entryPoint).count(method, code, ms / 1e3)
    if (frontend) this.#countFrontend(frontend.name)
    // Count the request for its backend only if that backend still exists. A request may come from an earlier generation, and
    // nothing would remove a new entry for a backend that is gone.
    if (backend && (this.servers.has(backend.name) || this.#isConfigured('backends', backend.name))) {
      const label = this.labelOf(backend.name)
      this.#seriesOf(this.backends, label).count(method, code, ms / 1e3)
      if (retries > 0) this.retries.set(label, (this.retries.get(label) ?? 0) + retries)
      this.servers.count(request, backend.name, code, ms, failed)
      this.servers.forgetAddresses(backend)
    }
    if (code >= 400) this.#keepError(request, code)
  }

  /** Returns a frontend's share of all recent requests, from 0 to 1. Recent means the last 30 to 60 seconds. */
  shareOf(frontend: string): number {
    const own = this.frontends.get(frontend)
    const all = this.#clock.lately
    return own === undefined || all === 0 ? 0 : (own.lately + own.before) / all
  }

  /**
   * Forgets the traffic of frontends and backends that are no longer configured. Otherwise memory would grow with each new
   * configuration.
   */
  forget(frontends: readonly string[], backends: readonly string[]): void {
    for (const name of frontends) this.frontends.delete(name)
    for (const name of backends) {
      this.servers.forget(name)
      this.backends.delete(name)
      this.retries.delete(name)
    }
  }

  stop(): void {
    this.#clock.stop()
  }

  #seriesOf(table: Map<string, Series>, name: string): Series {
    let series = table.get(name)
    if (series === undefined) {
      series = new Series(this.bounds)
      table.set(name, series)
    }
    return series
  }

  /**
   * Returns the name under which the metrics count a backend. Backends beyond the limit share one name, so that the metrics stay
   * small.
   */
  labelOf(backend: string): string {
    return this.backends.has(backend) || this.backends.size < this.#maxBackends ? backend : OTHER_BACKENDS
  }

  #countFrontend(name: string): void {
    const own = this.frontends.get(name)
    if (own === undefined) {
      if (this.#isConfigured('frontends', name))
        this.frontends.set(name, { requests: 1, lately: 1, before: 0 })
      return
    }
    own.requests += 1
    own.lately += 1
  }

  #keepError({ client, facts }: EndedRequest, status: number): void {
    const { method } = client
    // Leave out the query, because it may contain secrets.
    const path = facts?.path ?? maskCredentials(client.target.replace(/\?.*/s, ''))
    this.recentErrors.unshift({ status, method, host: facts?.host ?? '', path, at: Date.now() })
    this.recentErrors.length = Math.min(this.recentErrors.length, RECENT_ERRORS)
  }

  /** Begins a new half minute: the counts of the current half minute become those of the previous one. */
  #turnOver(): void {
    for (const own of this.frontends.values()) {
      own.before = own.lately
      own.lately = 0
    }
    this.servers.turnOver()
  }
}
