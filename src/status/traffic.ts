import { maskCredentials } from '../base/credentials.js'
import type { LiveBackend } from '../engine/backends/live-backend.js'
import { type EndedRequest, statusOf } from '../engine/request-reports.js'
import { LatencyHistogram } from './latency-histogram.js'
import { DEFAULT_BUCKETS, Series } from './series.js'
import { TrafficClock, type TrafficPoint } from './traffic-clock.js'

/** How many requests that went wrong are kept. Traefik 1.7's default. */
const RECENT_ERRORS = 10

/** A request that ended with a status of 400 or more. */
export interface RecentError {
  readonly status: number
  readonly method: string
  readonly host: string
  readonly path: string
  readonly at: number
}

/** What one server was asked lately, and what came of it. */
export interface ServerTraffic {
  requests: number
  errors: number
  /** Of the half minute under way, and of the one before. */
  latency: LatencyHistogram
  before: LatencyHistogram
}

/** What one frontend was asked, and lately: in the half minute under way, and in the one before. */
export interface FrontendTraffic {
  requests: number
  lately: number
  before: number
}

/** All requests since the start, together. */
export interface Totals {
  count: number
  seconds: number
  bytes: number
  readonly byCode: Map<number, number>
}

export interface TrafficOptions {
  /** Upper bounds of the durations' buckets, in seconds, ascending. */
  readonly buckets?: readonly number[]
  /** Backends that have series of their own; the others are counted together. */
  readonly maxBackends?: number
  /** Requests under way. */
  readonly inFlight: () => number
  /** Whether a frontend or backend is configured now. */
  readonly isConfigured: (kind: 'frontends' | 'backends', name: string) => boolean
}

/** How many backends, and servers, have series of their own unless told otherwise. */
export const DEFAULT_MAX_BACKENDS = 1_000
/** Where backends are counted that came after the last one with series of its own. */
const OTHER_BACKENDS = 'other'

/**
 * What the proxy did, as numbers: for metrics, for `/health`, for the dashboard. It observes requests that have ended, and
 * pays for each with a few additions; what can be worked out when somebody asks is worked out then.
 */
export class Traffic {
  readonly startedAt = Date.now()
  readonly totals: Totals = { count: 0, seconds: 0, bytes: 0, byCode: new Map() }
  readonly entryPoints = new Map<string, Series>()
  readonly backends = new Map<string, Series>()
  readonly retries = new Map<string, number>()
  readonly frontends = new Map<string, FrontendTraffic>()
  readonly recentErrors: RecentError[] = []
  readonly bounds: readonly number[]
  readonly #servers = new Map<string, Map<string, ServerTraffic>>()
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

  /** Called for each point of time, one a second. @returns stops it */
  onPoint(listener: (point: TrafficPoint) => void): () => void {
    return this.#clock.onPoint(listener)
  }

  /** The last two minutes, a point for each second. */
  get points(): readonly TrafficPoint[] {
    return this.#clock.points
  }

  /** Requests by status, of the last whole second. */
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
    // What was matched by an earlier generation may be configured no more, and would never be forgotten again.
    if (backend && (this.#servers.has(backend.name) || this.#isConfigured('backends', backend.name))) {
      const label = this.labelOf(backend.name)
      this.#seriesOf(this.backends, label).count(method, code, ms / 1e3)
      if (retries > 0) this.retries.set(label, (this.retries.get(label) ?? 0) + retries)
      this.#countServers(request, backend.name, code, ms, failed)
      this.#forgetAddresses(backend)
    }
    if (code >= 400) this.#keepError(request, code)
  }

  /** Requests that a backend has answered, or failed to. */
  requestsOf(backend: string): number {
    let requests = 0
    for (const server of this.#servers.get(backend)?.values() ?? []) requests += server.requests
    return requests
  }

  /** Forgets all servers of a backend but these. */
  keepServers(backend: string, kept: readonly { readonly name: string }[]): void {
    const names = new Set(kept.map(({ name }) => name))
    const servers = this.#servers.get(backend)
    for (const name of servers?.keys() ?? []) if (!names.has(name)) servers?.delete(name)
  }

  /** What one server was asked; undefined if nothing. */
  serverOf(backend: string, server: string): ServerTraffic | undefined {
    return this.#servers.get(backend)?.get(server)
  }

  /** What a frontend had of all requests of the last half to whole minute, from 0 to 1. */
  shareOf(frontend: string): number {
    const own = this.frontends.get(frontend)
    const all = this.#clock.lately
    return own === undefined || all === 0 ? 0 : (own.lately + own.before) / all
  }

  /** Forgets what is not configured any more: a process outlives many configurations. */
  forget(frontends: readonly string[], backends: readonly string[]): void {
    for (const name of frontends) this.frontends.delete(name)
    for (const name of backends) {
      this.#servers.delete(name)
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

  /** Under which name a backend is counted: there may be more of them than a scrape should carry. */
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

  #serverIn(backend: string, server: string): ServerTraffic {
    let servers = this.#servers.get(backend)
    if (servers === undefined) {
      servers = new Map()
      this.#servers.set(backend, servers)
    }
    let own = servers.get(server)
    if (own === undefined) {
      own = { requests: 0, errors: 0, latency: new LatencyHistogram(), before: new LatencyHistogram() }
      servers.set(server, own)
    }
    return own
  }

  /** The one that answered, and those that were asked in vain before. */
  #countServers(
    { server, tried }: EndedRequest,
    backend: string,
    code: number,
    ms: number,
    failed: boolean,
  ): void {
    if (tried) for (const each of tried) if (each !== server) this.#serverIn(backend, each.name).errors += 1
    if (!server) return
    const own = this.#serverIn(backend, server.name)
    own.requests += 1
    if (failed) own.errors += 1
    // How long a tunnel stood says nothing of its server.
    if (code !== 101) own.latency.record(ms)
  }

  /** Those of `strictDns` come and go within a generation: the more there were, the rarer this is needed. */
  #forgetAddresses({ name, servers }: LiveBackend): void {
    const known = this.#servers.get(name)
    if (known && known.size > 2 * servers.length) this.keepServers(name, servers)
  }

  #keepError({ req, facts }: EndedRequest, status: number): void {
    const { method = '' } = req
    // Without the query: it may hold what is nobody's business.
    const path = facts?.path ?? maskCredentials((req.url ?? '').replace(/\?.*/s, ''))
    this.recentErrors.unshift({ status, method, host: facts?.host ?? '', path, at: Date.now() })
    this.recentErrors.length = Math.min(this.recentErrors.length, RECENT_ERRORS)
  }

  /** A half minute is over: it becomes the one before. */
  #turnOver(): void {
    for (const own of this.frontends.values()) {
      own.before = own.lately
      own.lately = 0
    }
    for (const servers of this.#servers.values()) {
      for (const own of servers.values()) {
        const { latency, before } = own
        before.clear()
        own.latency = before
        own.before = latency
      }
    }
  }
}
