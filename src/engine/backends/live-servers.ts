import { parseDuration } from '../../base/parse-duration.js'
import type { Backend } from '../../model/config.js'
import type { Places, Upstream } from '../upstream/upstream.js'
import type { Upstreams } from '../upstream/upstreams.js'
import { type GivenServer, LiveServer } from './live-server.js'
import { ServerState } from './server-state.js'

/** The addresses of the host names that `StrictDns` follows. */
export interface KnownAddresses {
  /** Returns the addresses of a URL's host name. Undefined: each new connection looks the name up. */
  addressesOf(url: string): readonly string[] | undefined
}

/**
 * Sets the number of sockets that a backend may have to each of its servers. Servers of one origin share their sockets, so
 * their limits are added.
 */
export function limitConnections(backend: string, servers: readonly LiveServer[]): void {
  const isLimited = servers.some(({ maxConnections }) => maxConnections < Number.POSITIVE_INFINITY)
  // Usually no server has a limit, and a backend may have a hundred thousand servers. So this case must be cheap.
  if (!isLimited) for (const { upstream } of servers) upstream.unlimit(backend)
  if (!isLimited) return
  const limits = new Map<Upstream, { readonly places: Places; readonly limit: number }>()
  // Reading `places` makes each server keep them. An upstream refers to them weakly, so an unused limit would be lost.
  for (const { upstream, places, maxConnections } of servers) {
    const { limit = 0 } = limits.get(upstream) ?? {}
    limits.set(upstream, { places, limit: limit + maxConnections })
  }
  for (const [upstream, { places, limit }] of limits) upstream.limit(places, limit)
}

/** Returns a backend's servers. A server that the generation before had under the same URL and address keeps its state. */
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
    // Only a server that joins an existing backend begins slowly. In a new one, no other server could take its requests.
    if (before && !state.listener) state.begin()
    return new LiveServer(server, tools.upstreams, state, slowStartMs, backend)
  })
}

/** Returns whether a backend's servers still match the addresses of their host names. */
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
    const { url, weight = 1, maxConnections = Number.POSITIVE_INFINITY } = server
    const given = { name, url, weight, maxConnections }
    const found = strictDns && addresses.addressesOf(url)
    return found?.map((address) => ({ ...given, name: `${name}@${address}`, address })) ?? [given]
  })
}

/** Returns the key by which a server is recognized in the next generation. Its name in the document may change. */
function serverKey({ url, address = '' }: { readonly url: string; readonly address?: string | undefined }) {
  return `${url} ${address}`
}

/**
 * Returns the state of a known server with the same key. Among several, it is the one of the same name, or else one whose name
 * is no longer used. The returned state is removed from the list.
 */
function takeState(known: LiveServer[], name: string, names: ReadonlySet<string>): ServerState | undefined {
  const same = known.findIndex((server) => server.name === name)
  const index = same >= 0 ? same : known.findIndex((server) => !names.has(server.name))
  return index < 0 ? undefined : known.splice(index, 1)[0]?.state
}
