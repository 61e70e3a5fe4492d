import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks'
import { maskCredentials } from '../base/credentials.js'
import type { LiveServer } from '../engine/backends/live-server.js'
import type { Snapshot } from '../engine/snapshot.js'
import type { History } from './history.js'
import type { LiveState } from './live-state.js'
import { methodLabel, type Series } from './series.js'
import type { StatusSource } from './status-source.js'
import type { Traffic } from './traffic.js'

/** One number with its labels. */
export interface MetricValue {
  /** For the parts of a histogram. */
  readonly metricName?: string
  readonly labels: Readonly<Record<string, string | number>>
  readonly value: number
}

/** One metric with all its series, worked out when it is read. */
export interface MetricFamily {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly values: () => MetricValue[]
}

/** What metrics are read from. */
export interface MetricSources {
  readonly source: StatusSource
  readonly traffic: Traffic
  readonly history: History
  readonly live: LiveState
  /** Servers with series of their own. */
  readonly maxServers: number
}

/** Every metric. Names follow those of Traefik 1.7 where it has one; adding one is adding a row. */
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
      help: `How long requests took, by ${name}, status, method and protocol.`,
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
    gauge('config_last_reload_success', 'When a configuration last went live, in Unix seconds.', () =>
      one((history.lastSwitchAt ?? 0) / 1e3),
    ),
    gauge('config_last_reload_failure', 'When a configuration was last refused, in Unix seconds.', () =>
      one((history.lastRefusalAt ?? 0) / 1e3),
    ),
    gauge('config_generation', 'The generation that serves; 0 before the first.', () =>
      one(source.engine.generation),
    ),
    counter('config_refusals_total', 'Configurations that were refused, by provider.', () =>
      providers().map(({ provider }) => ({ labels: { provider }, value: history.refusalsOf(provider) })),
    ),
    gauge('provider_state', '1 for the state in which a provider is, else 0.', () =>
      providers().flatMap(({ provider, state }) =>
        ['pending', 'live', 'unavailable'].map((each) => ({
          labels: { provider, state: each },
          value: each === state ? 1 : 0,
        })),
      ),
    ),
    gauge('provider_live_age_seconds', 'For how long what a provider serves has been live.', () =>
      providers().flatMap(({ provider, ageMs }) =>
        ageMs === undefined ? [] : { labels: { provider }, value: ageMs / 1e3 },
      ),
    ),
    gauge('provider_stale', '1 while a provider serves what was kept from an earlier run, else 0.', () =>
      providers().map(({ provider, staleSince }) => ({
        labels: { provider },
        value: staleSince === undefined ? 0 : 1,
      })),
    ),
    gauge('dropped_guards', 'Fields that guard and that a provider serves without, as was asked for.', () =>
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
    gauge('backend_server_up', '1 if a server is in rotation, 0 if it was taken out of it.', () =>
      servers(sources, (backend, { name, url, state }) => ({
        labels: { backend, server: name, url: maskCredentials(url) },
        value: state.isAvailable ? 1 : 0,
      })),
    ),
    counter('backend_ejections_total', 'How often servers were taken out of rotation.', () =>
      one(sources.live.ejections),
    ),
    gauge(
      'upstream_connections',
      'Connections to servers, by origin and by whether a request has them.',
      () => connections(sources),
    ),
    gauge('requests_in_flight', 'Requests under way.', () => one(source.engine.inFlight.size)),
    gauge('event_loop_lag_seconds', 'How late the event loop was since the last reading.', eventLoopLag()),
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

/** Counted when read: no request pays for it. */
function openRequests(label: string, { source, traffic }: MetricSources): MetricValue[] {
  const open = new Map<string, MetricValue & { value: number }>()
  for (const { req, backend, entryPoint = '', tunnelled } of source.engine.inFlight.exchanges) {
    const name = label === 'backend' ? backend && traffic.labelOf(backend.name) : entryPoint
    if (name === undefined) continue
    const labels = {
      method: methodLabel(req.method),
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

/** The first so many servers of a configuration. */
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

/** Several servers may share an origin, and an origin may have several addresses. */
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

const RESOLUTION_MS = 10

/** Measured from the first reading on. */
function eventLoopLag(): () => MetricValue[] {
  let histogram: IntervalHistogram | undefined
  return () => {
    if (histogram === undefined) {
      histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
      histogram.enable()
      return []
    }
    const { max, mean, count } = histogram
    const p99 = histogram.percentile(99)
    histogram.reset()
    if (count === 0) return []
    // Node measures from one tick of its timer to the next: what is beyond its period is lag.
    const lag = (nanoseconds: number) => Math.max(0, nanoseconds / 1e9 - RESOLUTION_MS / 1e3)
    return [
      { labels: { of: 'mean' }, value: lag(mean) },
      { labels: { of: 'p99' }, value: lag(p99) },
      { labels: { of: 'max' }, value: lag(max) },
    ]
  }
}
