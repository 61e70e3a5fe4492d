import { maskCredentials } from '../base/credentials.js'
import type { LiveServer } from '../engine/backends/live-server.js'
import type { Snapshot } from '../engine/snapshot.js'
import { eventLoopLag } from './event-loop-lag.js'
import type { History } from './history.js'
import type { LiveState } from './live-state.js'
import type { MetricFamily, MetricValue } from './metric-family.js'
import { methodLabel, type Series } from './series.js'
import type { StatusSource } from './status-source.js'
import type { Traffic } from './traffic.js'

/** The objects that metrics are read from. */
export interface MetricSources {
  readonly source: StatusSource
  readonly traffic: Traffic
  readonly history: History
  readonly live: LiveState
  /** The highest number of servers that have metric series of their own. */
  readonly maxServers: number
}

/**
 * Returns every metric of the proxy. Where Traefik 1.7 has the same metric, its name is the same. To add a metric, add an element
 * to the returned list.
 */
export function metricFamilies(sources: MetricSources, prefix: string): readonly MetricFamily[] {
  const { source, traffic, history } = sources
  const requests = (label: string, name: string, of: () => ReadonlyMap<string, Series>): MetricFamily[] => [
    {
      name: `${prefix}${name}_requests_total`,
      help: `Requests that have ended, by ${name}, status, method and protocol.`,
      type: 'counter',
      values: () => requestCounts(label, of()),
    },
    {
      name: `${prefix}${name}_request_duration_seconds`,
      help: `Seconds that requests took, by ${name}, status, method and protocol.`,
      type: 'histogram',
      values: () => durations(`${prefix}${name}_request_duration_seconds`, label, of(), traffic.bounds),
    },
    {
      name: `${prefix}${name}_open_connections`,
      help: `Requests under way, by ${name}, method and protocol.`,
      type: 'gauge',
      values: () => openRequests(label, sources),
    },
  ]
  const gauge = (name: string, help: string, values: () => MetricValue[]): MetricFamily => ({
    name: `${prefix}${name}`,
    help,
    type: 'gauge',
    values,
  })
  const counter = (name: string, help: string, values: () => MetricValue[]): MetricFamily => ({
    ...gauge(name, help, values),
    type: 'counter',
  })
  const providers = () => source.providers()
  return [
    counter('config_reloads_total', 'Configurations that went live.', () => one(history.switches)),
    counter('config_reloads_failure_total', 'Configurations that were refused.', () =>
      one(providers().reduce((sum, { provider }) => sum + history.refusalsOf(provider), 0)),
    ),
    gauge(
      'config_last_reload_success',
      'The Unix time when a configuration last went live, in seconds.',
      () => one((history.lastSwitchAt ?? 0) / 1e3),
    ),
    gauge(
      'config_last_reload_failure',
      'The Unix time when a configuration was last refused, in seconds.',
      () => one((history.lastRefusalAt ?? 0) / 1e3),
    ),
    gauge('config_generation', 'The generation that serves; 0 before the first.', () =>
      one(source.engine.generation),
    ),
    counter('config_refusals_total', 'Configurations that were refused, by provider.', () =>
      providers().map(({ provider }) => ({ labels: { provider }, value: history.refusalsOf(provider) })),
    ),
    gauge('provider_state', '1 for the current state of a provider, 0 for the other states.', () =>
      providers().flatMap(({ provider, state }) =>
        ['pending', 'live', 'unavailable'].map((each) => ({
          labels: { provider, state: each },
          value: each === state ? 1 : 0,
        })),
      ),
    ),
    gauge('provider_live_age_seconds', 'Seconds since the configuration of a provider went live.', () =>
      providers().flatMap(({ provider, ageMs }) =>
        ageMs === undefined ? [] : { labels: { provider }, value: ageMs / 1e3 },
      ),
    ),
    gauge(
      'provider_stale',
      '1 while a provider serves the last good configuration of an earlier run, else 0.',
      () =>
        providers().map(({ provider, staleSince }) => ({
          labels: { provider },
          value: staleSince === undefined ? 0 : 1,
        })),
    ),
    gauge(
      'dropped_guards',
      'Guards of the configuration that a provider ignores, as unsupportedFields.warn allows.',
      () =>
        providers().map(({ provider, droppedGuards = [] }) => ({
          labels: { provider },
          value: droppedGuards.length,
        })),
    ),
    ...requests('entrypoint', 'entrypoint', () => traffic.entryPoints),
    ...requests('backend', 'backend', () => traffic.backends),
    counter('backend_retries_total', 'Requests that were sent again, by backend.', () =>
      [...traffic.retries].map(([backend, value]) => ({ labels: { backend }, value })),
    ),
    gauge('backend_server_up', '1 if a server is in rotation, 0 if it was taken out.', () =>
      servers(sources, (backend, { name, url, state }) => ({
        labels: { backend, server: name, url: maskCredentials(url) },
        value: state.isAvailable ? 1 : 0,
      })),
    ),
    counter('backend_ejections_total', 'The number of times that servers were taken out of rotation.', () =>
      one(sources.live.ejections),
    ),
    gauge(
      'upstream_connections',
      'Connections to servers, by origin and by state: busy with a request, or idle.',
      () => connections(sources),
    ),
    gauge('requests_in_flight', 'Requests under way.', () => one(source.engine.inFlight.size)),
    gauge(
      'event_loop_lag_seconds',
      'The delay of the event loop since the last reading, in seconds.',
      eventLoopLag(),
    ),
  ]
}

function one(value: number): MetricValue[] {
  return [{ labels: {}, value }]
}

function requestCounts(label: string, table: ReadonlyMap<string, Series>): MetricValue[] {
  return [...table].flatMap(([name, { cells }]) =>
    [...cells].map(({ method, protocol, code, count }) => ({
      labels: { code, method, protocol, [label]: name },
      value: count,
    })),
  )
}

function durations(
  name: string,
  label: string,
  table: ReadonlyMap<string, Series>,
  bounds: readonly number[],
): MetricValue[] {
  const values: MetricValue[] = []
  for (const [of, { cells }] of table) {
    for (const { method, protocol, code, count, seconds, buckets } of cells) {
      const labels = { code, method, protocol, [label]: of }
      let upTo = 0
      bounds.forEach((bound, place) => {
        upTo += buckets[place] ?? 0
        values.push({ metricName: `${name}_bucket`, labels: { ...labels, le: bound }, value: upTo })
      })
      values.push({ metricName: `${name}_bucket`, labels: { ...labels, le: '+Inf' }, value: count })
      values.push({ metricName: `${name}_sum`, labels, value: seconds })
      values.push({ metricName: `${name}_count`, labels, value: count })
    }
  }
  return values
}

/**
 * Counts the requests in flight for a metric. They are counted when the metric is read, so that no request pays for the counting.
 */
function openRequests(label: string, { source, traffic }: MetricSources): MetricValue[] {
  const open = new Map<string, MetricValue & { value: number }>()
  for (const { client, backend, entryPoint = '', tunnelled } of source.engine.inFlight.exchanges) {
    const name = label === 'backend' ? backend && traffic.labelOf(backend.name) : entryPoint
    if (name === undefined) continue
    const labels = {
      method: methodLabel(client.method),
      protocol: tunnelled ? 'websocket' : 'http',
      [label]: name,
    }
    const key = Object.values(labels).join('\0')
    const value = open.get(key)
    if (value) value.value += 1
    else open.set(key, { labels, value: 1 })
  }
  return [...open.values()]
}

/** Calls a function for each server of the live configuration, but for at most `maxServers` of them. Returns the results. */
function servers<T>(
  { source, maxServers }: MetricSources,
  of: (backend: string, server: LiveServer) => T,
): T[] {
  const found: T[] = []
  for (const { name, servers: all } of backendsOf(source.engine.snapshot)) {
    for (const server of all) {
      if (found.length >= maxServers) return found
      found.push(of(name, server))
    }
  }
  return found
}

function backendsOf(snapshot: Snapshot | undefined) {
  return snapshot?.backends.values() ?? []
}

/**
 * Counts the connections to servers by origin, such as `http://10.0.0.1:80`. Several servers may share an origin, and an origin
 * may have several IP addresses.
 */
function connections(sources: MetricSources): MetricValue[] {
  const upstreams = new Set(servers(sources, (_backend, { upstream }) => upstream))
  const origins = new Map<string, { open: number; idle: number }>()
  for (const { origin, connections } of upstreams) {
    const { open, idle } = origins.get(origin) ?? { open: 0, idle: 0 }
    origins.set(origin, { open: open + connections.open, idle: idle + connections.idle })
  }
  return [...origins].flatMap(([origin, { open, idle }]) => {
    if (open === 0) return []
    const labels = { origin: maskCredentials(origin) }
    return [
      { labels: { ...labels, state: 'idle' }, value: idle },
      { labels: { ...labels, state: 'busy' }, value: open - idle },
    ]
  })
}
