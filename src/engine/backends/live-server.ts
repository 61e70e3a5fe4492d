import type { Candidate } from '../../balancing/strategies.js'
import type { Server } from '../../model/config.js'
import { parseServerUrl } from '../../validation/server-url.js'
import type { Places, Upstream } from '../upstream/upstream.js'
import type { Upstreams } from '../upstream/upstreams.js'
import type { ServerState } from './server-state.js'

/** A server as it is to be picked: of the configuration, or one address of it. */
export type GivenServer = Required<Server> & { readonly name: string; readonly address?: string }

/** A server of a live backend: what a strategy picks. */
export class LiveServer implements Candidate {
  /** Its name within the backend. */
  readonly name: string
  readonly url: string
  /** The one of the URL's name that it stands for. Undefined: whichever the name has. */
  readonly address: string | undefined
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
  readonly #backend: string
  #places: Places | undefined

  /** @param backend the name of its own */
  constructor(
    given: GivenServer,
    upstreams: Upstreams,
    state: ServerState,
    slowStartMs: number,
    backend: string,
  ) {
    const { origin, host, basePath } = parseServerUrl(given.url)
    this.name = given.name
    this.url = given.url
    this.address = given.address
    this.weight = given.weight
    this.maxConnections = given.maxConnections
    this.host = host
    this.basePath = basePath
    this.upstream = upstreams.hold(origin, given.address)
    this.#backend = backend
    this.state = state
    this.#slowStartMs = slowStartMs
  }

  /** Where the sockets of its backend to it count. */
  get places(): Places {
    this.#places ??= this.upstream.placesOf(this.#backend)
    return this.#places
  }

  get share(): number {
    return this.#slowStartMs === 0 ? 1 : this.state.shareOf(this.#slowStartMs)
  }

  get isAvailable(): boolean {
    return this.state.isAvailable && this.hasRoom
  }

  /** Whether one more request may be under way on it, in rotation or not. */
  get hasRoom(): boolean {
    return this.state.inFlight < this.state.maxConnections
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
