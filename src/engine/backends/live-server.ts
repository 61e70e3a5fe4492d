import type { Candidate } from '../../balancing/strategies.js'
import type { Server } from '../../model/config.js'
import { type Metadata, NO_METADATA } from '../../model/metadata.js'
import { parseServerUrl } from '../../validation/server-url.js'
import type { Places, Upstream } from '../upstream/upstream.js'
import type { Upstreams } from '../upstream/upstreams.js'
import type { ServerState } from './server-state.js'

/** The data of one live server: a server of the configuration, or one IP address of that server's host name (`strictDns`). */
export type GivenServer = Required<Pick<Server, 'url' | 'weight' | 'maxConnections'>> & {
  readonly name: string
  readonly metadata?: Metadata | undefined
  readonly address?: string
}

/** A server of a live backend. A strategy picks one of these servers for each request. */
export class LiveServer implements Candidate {
  /** The name of the server within its backend. */
  readonly name: string
  readonly url: string
  /** The only IP address of the URL's host name that this server connects to. Undefined: any address of that host name. */
  readonly address: string | undefined
  readonly weight: number
  readonly metadata: Metadata
  readonly upstream: Upstream
  /** The path of the server's URL. The proxy puts it before the path of every request. Empty if the URL has none. */
  readonly basePath: string
  /** Host name and port of the server's URL, for the `Host` header of requests that do not keep the client's `Host` header. */
  readonly host: string
  readonly state: ServerState
  /** The largest number of requests that may be under way on the server at the same time. */
  readonly maxConnections: number
  readonly #slowStartMs: number
  readonly #backend: string
  #places: Places | undefined

  /** Creates the server, and takes its upstream into use. @param backend the name of the backend that has the server */
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
    this.metadata = given.metadata ?? NO_METADATA
    this.maxConnections = given.maxConnections
    this.host = host
    this.basePath = basePath
    this.upstream = upstreams.hold(origin, given.address)
    this.#backend = backend
    this.state = state
    this.#slowStartMs = slowStartMs
  }

  /** The object that counts and limits the backend's sockets to this server. */
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

  /** Whether the limit `maxConnections` allows one more request. This does not say whether the server is in rotation. */
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
