import { maskCredentials } from '../base/credentials.js'
import { type EndedRequest, statusOf } from '../engine/request-reports.js'
import { DEFAULT_BUCKETS, Series } from './series.js'
import { TrafficByServer } from './traffic-by-server.js'
import { TrafficClock, type TrafficPoint } from './traffic-clock.js'

/** The number of failed requests that are kept. Traefik 1.7 has the same default. */
const RECENT_ERRORS = 10

/** A request that ended with a status of 400 or more. */
export interface RecentError {
  readonly status: number
  readonly method: string
  readonly host: string
  readonly path: string
  readonly at: number
}

/** The traffic of one frontend. `requests` counts all, `lately` the current half minute, `before` the half minute before. */
export interface FrontendTraffic {
  requests: number
  lately: number
  before: number
}

/** Totals of all requests since the start. */
export interface Totals {
  count: number
  seconds: number
  bytes: number
  readonly byCode: Map<number, number>
}

export interface TrafficOptions {
  /** Upper bounds of the duration buckets, in seconds, ascending. */
  readonly buckets?: readonly number[]
  /** The highest number of backends that have their own series. Further backends are counted together. */
  readonly maxBackends?: number
  /** Returns the number of requests under way. */
  readonly inFlight: () => number
  /** Tells whether a frontend or backend is configured now. */
  readonly isConfigured: (kind: 'frontends' | 'backends', name: string) => boolean
}

/** The default number of backends, and of servers, that have their own series. */
export const DEFAULT_MAX_BACKENDS = 1_000
/** The name under which all further backends are counted. */
const OTHER_BACKENDS = 'other'

/**
 * Counts what the proxy does, for metrics, `/health` and the dashboard. It observes each request that has ended, which costs a
 * few additions. Everything else is computed on demand.
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

  /** Calls the listener for each new point, once a second. @returns a function that stops this */
  onPoint(listener: (point: TrafficPoint) => void): () => void {
    return this.#clock.onPoint(listener)
  }

  /** The points of the last two minutes, one for each second. */
  get points(): readonly TrafficPoint[] {
    return this.#clock.points
  }

  /** Requests by status in the last whole second. */
  get lastSecond(): ReadonlyMap<number, number> {
    return this.#clock.lastCodes
  }

  readonly record = (request: EndedRequest, ms: number): void => {
    const { req, frontend, backend, error, retries, entryPoint = '' } = request
    const code = statusOf(request)
    const failed = code >= 500 || (error !== undefined && error.source !== 'client')
    const method = req.method ?? ''

    const { totals } = this
    totals.count += 1
    totals.seconds += ms / 1e3
    totals.bytes += request.bodyBytes
    totals.byCode.set(code, (totals.byCode.get(code) ?? 0) + 1)
    this.#clock.record(code, ms, failed)
    this.#seriesOf(this.entryPoints, entryPoint).count(method, code, ms / 1e3)
    if (frontend) this.#countFrontend(frontend.name)
    // An earlier generation may have matched this request, and its backend may be gone. Counting it again would create an entry
    // that nothing removes.
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

  /** Removes frontends and backends that are no longer configured. Without this, memory would grow with each configuration. */
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

  /** The name under which a backend is counted. Backends beyond the limit share a name, so that a scrape stays small. */
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

  #keepError({ req, facts }: EndedRequest, status: number): void {
    const { method = '' } = req
    // Drop the query, because it may contain secrets.
    const path = facts?.path ?? maskCredentials((req.url ?? '').replace(/\?.*/s, ''))
    this.recentErrors.unshift({ status, method, host: facts?.host ?? '', path, at: Date.now() })
    this.recentErrors.length = Math.min(this.recentErrors.length, RECENT_ERRORS)
  }

  /** Ends a half minute: the current period becomes the one before. */
  #turnOver(): void {
    for (const own of this.frontends.values()) {
      own.before = own.lately
      own.lately = 0
    }
    this.servers.turnOver()
  }
}
