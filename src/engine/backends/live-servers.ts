import { parseDuration } from '../../base/parse-duration.js'
import type { Backend } from '../../model/config.js'
import type { Places, Upstream } from '../upstream/upstream.js'
import type { Upstreams } from '../upstream/upstreams.js'
import { type GivenServer, LiveServer } from './live-server.js'
import { ServerState } from './server-state.js'

/** The IP addresses of the host names that `StrictDns` looks up on a timer. */
export interface KnownAddresses {
  /** Returns the IP addresses of a URL's host name. Undefined: none are known, and each new connection looks the host name up. */
  addressesOf(url: string): readonly string[] | undefined
}

/**
 * Limits the number of sockets that a backend may have to each of its servers. Servers with the same origin share their sockets,
 * so their limits are added up.
 */
export function limitConnections(backend: string, servers: readonly LiveServer[]): void {
  const isLimited = servers.some(({ maxConnections }) => maxConnections < Number.POSITIVE_INFINITY)
  // If no server has a limit, earlier limits are removed. This is the usual case, and a backend may have a hundred thousand
  // servers. So it must be cheap.
  if (!isLimited) for (const { upstream } of servers) upstream.unlimit(backend)
  if (!isLimited) return
  const limits = new Map<Upstream, { readonly places: Places; readonly limit: number }>()
  // A server that has read its `places` keeps the object with the limit. An upstream refers to that object weakly, so the limit
  // could be lost.
  for (const { upstream, places, maxConnections } of servers) {
    const { limit = 0 } = limits.get(upstream) ?? {}
    limits.set(upstream, { places, limit: limit + maxConnections })
  }
  for (const [upstream, { places, limit }] of limits) upstream.limit(places, limit)
}

/**
 * Creates the live servers of a backend. A server with the same URL and IP address as one of the generation before keeps that
 * server's state.
 */
export function serversOf(
  backend: string,
  config: Backend,
  before: readonly LiveServer[] | undefined,
  tools: { readonly upstreams: Upstreams; readonly addresses: KnownAddresses },
): LiveServer[] {
  const slowStartMs = parseDuration(config.slowStart) ?? 0
  const known = new Map<string, LiveServer[]>()
  for (const server of before ?? [])
    known.set(serverKey(server), [...(known.get(serverKey(server)) ?? []), server])
  const given = givenServers(config, tools.addresses)
  const names = new Set(given.map(({ name }) => name))
  return given.map((server) => {
    const state = takeState(known.get(serverKey(server)) ?? [], server.name, names) ?? new ServerState()
    // A new server of an existing backend gets a slow start. In a new backend, no other server could take its requests meanwhile.
    if (before && !state.listener) state.begin()
    return new LiveServer(server, tools.upstreams, state, slowStartMs, backend)
  })
}

/** Returns a function that releases an upstream that `serversOf` has reserved, because its backend does not come to serve. */
export function giveBack(upstreams: Upstreams): (upstream: Upstream) => void {
  return (upstream) => {
    upstreams.leave(upstream)
    upstreams.release(upstream)
  }
}

/** Returns whether a backend's servers still match the IP addresses that are now known for their host names. */
export function areCurrent(
  servers: readonly LiveServer[],
  config: Backend,
  addresses: KnownAddresses,
): boolean {
  if (!config.strictDns) return true
  const given = givenServers(config, addresses)
  return (
    given.length === servers.length && given.every(({ address }, nth) => address === servers[nth]?.address)
  )
}

function givenServers({ servers, strictDns }: Backend, addresses: KnownAddresses): GivenServer[] {
  return Object.entries(servers).flatMap(([name, server]) => {
    const { url, weight = 1, maxConnections = Number.POSITIVE_INFINITY, metadata } = server
    const given = { name, url, weight, maxConnections, metadata }
    const found = strictDns && addresses.addressesOf(url)
    return found?.map((address) => ({ ...given, name: `${name}@${address}`, address })) ?? [given]
  })
}

/**
 * Returns the key by which a server is found in the next generation: its URL and IP address. Its name in the document may change.
 */
function serverKey({ url, address = '' }: { readonly url: string; readonly address?: string | undefined }) {
  return `${url} ${address}`
}

/**
 * Takes the state of one server out of a list of servers that the generation before had under the same key. The server with the
 * same name is preferred. Otherwise the function takes a server whose name is no longer used. Returns undefined if neither
 * exists.
 */
function takeState(known: LiveServer[], name: string, names: ReadonlySet<string>): ServerState | undefined {
  const same = known.findIndex((server) => server.name === name)
  const index = same >= 0 ? same : known.findIndex((server) => !names.has(server.name))
  return index < 0 ? undefined : known.splice(index, 1)[0]?.state
}
