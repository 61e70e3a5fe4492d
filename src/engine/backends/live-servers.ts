import { parseDuration } from '../../base/parse-duration.js'
import type { Backend } from '../../model/config.js'
import type { Places, Upstream } from '../upstream/upstream.js'
import type { Upstreams } from '../upstream/upstreams.js'
import { type GivenServer, LiveServer } from './live-server.js'
import { ServerState } from './server-state.js'

/** What is known of servers' names. */
export interface ServerNames {
  /** Undefined: whoever connects looks the name up. */
  addressesOf(url: string): readonly string[] | undefined
}

/** Sets how many sockets a backend may have to its servers. Those of one origin share theirs, and what they may have together. */
export function limitConnections(backend: string, servers: readonly LiveServer[]): void {
  const isLimited = servers.some(({ maxConnections }) => maxConnections < Number.POSITIVE_INFINITY)
  // A backend may have a hundred thousand servers, and mostly none has a limit.
  if (!isLimited) for (const { upstream } of servers) upstream.unlimit(backend)
  if (!isLimited) return
  const limits = new Map<Upstream, { readonly places: Places; readonly limit: number }>()
  // Asked for its places, each server keeps them. An upstream does not, and would forget a limit that nobody has needed yet.
  for (const { upstream, places, maxConnections } of servers) {
    const { limit = 0 } = limits.get(upstream) ?? {}
    limits.set(upstream, { places, limit: limit + maxConnections })
  }
  for (const [upstream, { places, limit }] of limits) upstream.limit(places, limit)
}

/** A backend's servers; one that was there before, under the same URL and address, keeps its state. */
export function serversOf(
  backend: string,
  config: Backend,
  before: readonly LiveServer[] | undefined,
  tools: { readonly upstreams: Upstreams; readonly addresses: ServerNames },
): LiveServer[] {
  const slowStartMs = parseDuration(config.slowStart) ?? 0
  const known = new Map<string, LiveServer[]>()
  for (const server of before ?? [])
    known.set(serverKey(server), [...(known.get(serverKey(server)) ?? []), server])
  const given = givenServers(config, tools.addresses)
  const names = new Set(given.map(({ name }) => name))
  return given.map((server) => {
    const state = takeState(known.get(serverKey(server)) ?? [], server.name, names) ?? new ServerState()
    // With the first configuration all are new, and none can spare another.
    if (before && !state.listener) state.begin()
    return new LiveServer(server, tools.upstreams, state, slowStartMs, backend)
  })
}

/** Whether servers are those that their backend would be given now: its names may have other addresses. */
export function areCurrent(servers: readonly LiveServer[], config: Backend, names: ServerNames): boolean {
  if (!config.strictDns) return true
  const given = givenServers(config, names)
  return (
    given.length === servers.length && given.every(({ address }, nth) => address === servers[nth]?.address)
  )
}

function givenServers({ servers, strictDns }: Backend, names: ServerNames): GivenServer[] {
  return Object.entries(servers).flatMap(([name, server]) => {
    const { url, weight = 1, maxConnections = Number.POSITIVE_INFINITY } = server
    const given = { name, url, weight, maxConnections }
    const addresses = strictDns && names.addressesOf(url)
    return addresses?.map((address) => ({ ...given, name: `${name}@${address}`, address })) ?? [given]
  })
}

/** Where it is: what makes it the same server, whatever its name. */
function serverKey({ url, address = '' }: { readonly url: string; readonly address?: string | undefined }) {
  return `${url} ${address}`
}

/** Of several in one place, that of the same name, else that of one that is gone. */
function takeState(known: LiveServer[], name: string, names: ReadonlySet<string>): ServerState | undefined {
  const same = known.findIndex((server) => server.name === name)
  const place = same >= 0 ? same : known.findIndex((server) => !names.has(server.name))
  return place < 0 ? undefined : known.splice(place, 1)[0]?.state
}
