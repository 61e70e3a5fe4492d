import type { LiveBackend } from '../engine/backends/live-backend.js'
import type { EndedRequest } from '../engine/request-reports.js'
import { LatencyHistogram } from './latency-histogram.js'

/** The recent traffic of one server. */
export interface ServerTraffic {
  requests: number
  errors: number
  /** Latencies in the current half minute. */
  latency: LatencyHistogram
  /** Latencies in the half minute before. */
  before: LatencyHistogram
}

/** Counts the requests, errors and latencies of each server. */
export class TrafficByServer {
  /** The servers of each backend, by name. */
  readonly #servers = new Map<string, Map<string, ServerTraffic>>()

  /** Tells whether a server of this backend has been counted. */
  has(backend: string): boolean {
    return this.#servers.has(backend)
  }

  /** The number of requests that a backend has answered or failed to answer. */
  requestsOf(backend: string): number {
    let requests = 0
    for (const server of this.#servers.get(backend)?.values() ?? []) requests += server.requests
    return requests
  }

  /** The traffic of one server. Undefined if it has had no request. */
  of(backend: string, server: string): ServerTraffic | undefined {
    return this.#servers.get(backend)?.get(server)
  }

  /** Counts a request for the server that answered, and an error for each server that was tried before without success. */
  count({ server, tried }: EndedRequest, backend: string, code: number, ms: number, failed: boolean): void {
    if (tried) for (const each of tried) if (each !== server) this.#serverIn(backend, each.name).errors += 1
    if (!server) return
    const own = this.#serverIn(backend, server.name)
    own.requests += 1
    if (failed) own.errors += 1
    // The lifetime of a tunnel says nothing about its server.
    if (code !== 101) own.latency.record(ms)
  }

  /** Removes all servers of a backend except these. */
  keep(backend: string, kept: readonly { readonly name: string }[]): void {
    const names = new Set(kept.map(({ name }) => name))
    const servers = this.#servers.get(backend)
    for (const name of servers?.keys() ?? []) if (!names.has(name)) servers?.delete(name)
  }

  /**
   * Removes addresses that are gone. With `strictDns` the addresses of a server change within a generation. The check is cheap,
   * and the removal runs more rarely the more servers there are.
   */
  forgetAddresses({ name, servers }: LiveBackend): void {
    const known = this.#servers.get(name)
    if (known && known.size > 2 * servers.length) this.keep(name, servers)
  }

  /** Removes all servers of a backend. */
  forget(backend: string): void {
    this.#servers.delete(backend)
  }

  /** Ends a half minute: the current period becomes the one before. */
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
