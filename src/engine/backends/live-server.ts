import type { Candidate } from '../../balancing/strategies.js'
import type { Server } from '../../model/config.js'
import { parseServerUrl } from '../../validation/server-url.js'
import type { Places, Upstream } from '../upstream/upstream.js'
import type { Upstreams } from '../upstream/upstreams.js'
import type { ServerState } from './server-state.js'

/** A server to make live: one of the configuration, or one address of its host name. */
export type GivenServer = Required<Omit<Server, 'tags'>> & {
  readonly name: string
  readonly address?: string
}

/** A server of a live backend. A strategy picks among these. */
export class LiveServer implements Candidate {
  /** The name of the server within its backend. */
  readonly name: string
  readonly url: string
  /** The address of the URL's host name that this server stands for. Undefined: any address of the name. */
  readonly address: string | undefined
  readonly weight: number
  readonly upstream: Upstream
  /** The path of the URL. It is put before the path of every request. Empty if the URL has none. */
  readonly basePath: string
  /** Host and port of the URL, for requests that do not keep the client's `Host`. */
  readonly host: string
  readonly state: ServerState
  /** The number of requests that may be under way on the server at the same time. */
  readonly maxConnections: number
  readonly #slowStartMs: number
  readonly #backend: string
  #places: Places | undefined

  /** @param backend the name of the server's backend */
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

  /** The connection limit of the backend at this server. It counts the sockets. */
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

  /** Whether the server may get one more request under its limit, whether or not it is in rotation. */
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
