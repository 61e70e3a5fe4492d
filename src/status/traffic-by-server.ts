import type { LiveBackend } from '../engine/backends/live-backend.js'
import type { EndedRequest } from '../engine/request-reports.js'
import { LatencyHistogram } from './latency-histogram.js'

/** The request counts of one server, and its recent latencies. */
export interface ServerTraffic {
  requests: number
  errors: number
  /** Latencies of the requests in the current half minute. */
  latency: LatencyHistogram
  /** Latencies of the requests in the half minute before the current one. */
  before: LatencyHistogram
}

/** Counts the requests, errors and latencies of each server. */
export class TrafficByServer {
  /** The traffic of each server: by name of the backend, then by name of the server. */
  readonly #servers = new Map<string, Map<string, ServerTraffic>>()

  /** Tells whether any request to a server of this backend has been counted. */
  has(backend: string): boolean {
    return this.#servers.has(backend)
  }

  /** Returns the number of requests that the servers of a backend have answered or failed to answer. */
  requestsOf(backend: string): number {
    let requests = 0
    for (const server of this.#servers.get(backend)?.values() ?? []) requests += server.requests
    return requests
  }

  /** Returns the traffic of one server. Undefined if the server has had no request. */
  of(backend: string, server: string): ServerTraffic | undefined {
    return this.#servers.get(backend)?.get(server)
  }

  /** Counts a request for the server that answered, and an error for each server that was tried before without success. */
  count(
    { server, tries: { tried } }: EndedRequest,
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
    // Record no latency for a tunnel, such as a WebSocket. The lifetime of a tunnel says nothing about its server.
    if (code !== 101) own.latency.record(ms)
  }

  /** Forgets the traffic of all servers of a backend, except those in `kept`. */
  keep(backend: string, kept: readonly { readonly name: string }[]): void {
    const names = new Set(kept.map(({ name }) => name))
    const servers = this.#servers.get(backend)
    for (const name of servers?.keys() ?? []) if (!names.has(name)) servers?.delete(name)
  }

  /**
   * Forgets the traffic of IP addresses that a backend no longer has. With `strictDns` the addresses of a server change while the
   * configuration stays the same. The check is cheap, and the removal runs more rarely the more servers there are.
   */
  forgetAddresses({ name, servers }: LiveBackend): void {
    const known = this.#servers.get(name)
    if (known && known.size > 2 * servers.length) this.keep(name, servers)
  }

  /** Forgets the traffic of all servers of a backend. */
  forget(backend: string): void {
    this.#servers.delete(backend)
  }

  /** Begins a new half minute: the latencies of the current half minute become those of the previous one. */
  turnOver(): void {
    for (const servers of this.#servers.values()) {
      for (const own of servers.values()) {
        const { latency, before } = own
        before.clear()
        own.latency = before
        own.before = latency
      }
    }
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
}
