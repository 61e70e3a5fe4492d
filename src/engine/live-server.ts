import type { Server } from '../model/config.js'
import type { Candidate } from '../rules/balancers.js'
import { parseServerUrl } from '../rules/server-url.js'
import type { ServerState } from './server-state.js'
import type { Upstream } from './upstream.js'
import type { Upstreams } from './upstreams.js'

/** A server of a live backend: what a strategy picks. */
export class LiveServer implements Candidate {
  /** Its name within the backend. */
  readonly name: string
  readonly url: string
  readonly weight: number
  readonly upstream: Upstream
  /** Prepended to every path; `''` if the URL has none. */
  readonly basePath: string
  /** Host and port of the URL, for requests that do not keep the client's `Host`. */
  readonly host: string
  readonly state: ServerState
  /** Requests under way on it at a time. */
  readonly maxConnections: number
  readonly #slowStartMs: number

  constructor(
    given: Required<Server> & { readonly name: string },
    upstreams: Upstreams,
    state: ServerState,
    slowStartMs: number,
  ) {
    const { origin, host, basePath } = parseServerUrl(given.url)
    this.name = given.name
    this.url = given.url
    this.weight = given.weight
    this.maxConnections = given.maxConnections
    this.host = host
    this.basePath = basePath
    this.upstream = upstreams.hold(origin)
    this.state = state
    this.#slowStartMs = slowStartMs
  }

  get share(): number {
    return this.#slowStartMs === 0 ? 1 : this.state.shareOf(this.#slowStartMs)
  }

  get isAvailable(): boolean {
    return this.state.isAvailable && this.state.inFlight < this.state.maxConnections
  }

  get inFlight(): number {
    return this.state.inFlight
  }

  get latencyMs(): number | undefined {
    return this.state.quality.latencyMs
  }

  get failureShare(): number {
    return this.state.quality.failureShare
  }
}
