import { DEFAULT_STRATEGY } from '../balancing/strategies.js'
import { maskCredentials } from '../base/credentials.js'
import { runInSlices } from '../base/run-steps.js'
import type { LiveBackend } from '../engine/backends/live-backend.js'
import type { LiveServer } from '../engine/backends/live-server.js'
import type { ProxyEmitter } from '../engine/events/proxy-emitter.js'
import type { Snapshot } from '../engine/snapshot.js'
import { isLabelled } from '../model/metadata.js'
import type { CompiledFrontend } from '../routing/compile-frontend.js'
import { type History, listedNames } from './history.js'
import { maskedRule } from './masked.js'
import type { StatusSource } from './status-source.js'
import type { Traffic } from './traffic.js'

/** The highest number of servers that are listed for one backend. */
const MAX_SERVERS = 1_000

/** The part of a list that a request to the status API asks for. */
export interface Page {
  /**
   * The text to search for. A frontend matches by its name, rule or backend, and a backend by its name or by names and URLs of
   * its servers. Upper and lower case do not matter.
   */
  readonly search: string
  readonly offset: number
  readonly limit: number
}

/**
 * Describes the live configuration for the status API: its frontends and backends with their traffic, and the state of each
 * provider.
 */
export class LiveState {
  readonly #source: StatusSource
  readonly #traffic: Traffic
  readonly #history: History
  #ejections = 0
  /**
   * The result of the last search. It is kept because a user who scrolls through a list repeats the same search for each page.
   */
  #found:
    | { readonly snapshot: Snapshot; readonly key: string; readonly entries: readonly unknown[] }
    | undefined

  constructor(source: StatusSource, events: ProxyEmitter, traffic: Traffic, history: History) {
    this.#source = source
    this.#traffic = traffic
    this.#history = history
    events.on('serverDown', () => {
      this.#ejections += 1
    })
    // Forget the last search result when a new configuration goes live. The result would keep the whole old configuration in
    // memory.
    events.on('configChanged', () => {
      this.#found = undefined
    })
  }

  /**
   * Returns the generation that serves, the numbers of frontends and backends, and the state of each provider, such as its live
   * version.
   */
  config() {
    const { snapshot, inFlight } = this.#source.engine
    const step = this.#source.shutdown()
    return {
      generation: snapshot?.generation ?? 0,
      ...(step && { shutdown: { step, inFlight: inFlight.size } }),
      startedAt: new Date(this.#traffic.startedAt).toISOString(),
      frontends: snapshot?.config.frontends.size ?? 0,
      backends: snapshot?.config.backends.size ?? 0,
      providers: this.#source.providers().map((state) => {
        const lastError = this.#history.lastErrorOf(state.provider)
        const { ageMs, droppedGuards, ...rest } = state
        return {
          ...rest,
          ...(ageMs !== undefined && { ageMs }),
          ...(droppedGuards && { droppedGuards: listedNames(droppedGuards) }),
          ...(ageMs !== undefined && { liveSince: new Date(Date.now() - ageMs).toISOString() }),
          ...(lastError && { lastError }),
        }
      }),
    }
  }

  /** Returns one page of the frontends, in the order in which the router tries them. */
  async frontends(page: Page) {
    const all = (snapshot: Snapshot) => snapshot.router.frontends
    const found = await this.#find('frontends', page, all, ({ name, rule, backend }) => [name, rule, backend])
    return { ...found, entries: found.entries.map((frontend) => this.#frontendRow(frontend)) }
  }

  async backends(page: Page) {
    const all = (snapshot: Snapshot) => [...snapshot.backends.values()]
    const found = await this.#find('backends', page, all, ({ name, servers }) => [
      name,
      ...servers.flatMap((server) => [server.name, server.url]),
    ])
    const inFlight = this.#inFlight()
    return { ...found, entries: found.entries.map((backend) => this.#backendRow(backend, inFlight)) }
  }

  /** The number of times that servers were taken out of rotation since the proxy started. */
  get ejections(): number {
    return this.#ejections
  }

  async #find<T>(
    kind: string,
    { search, offset, limit }: Page,
    all: (snapshot: Snapshot) => readonly T[],
    texts: (entry: T) => readonly string[],
  ) {
    const { snapshot } = this.#source.engine
    if (!snapshot) return { generation: 0, total: 0, matching: 0, entries: [] as T[] }
    const key = `${kind} ${search}`
    const known = this.#found?.snapshot === snapshot && this.#found.key === key ? this.#found : undefined
    const entries = (known?.entries ??
      (await runInSlices(searchIn(all(snapshot), search.toLowerCase(), texts)))) as readonly T[]
    // Keep the result only if its snapshot still serves. If another snapshot has replaced it during the search, the result would
    // stay in memory until the next new configuration.
    if (snapshot === this.#source.engine.snapshot) this.#found = { snapshot, key, entries }
    const { size } = kind === 'frontends' ? snapshot.config.frontends : snapshot.config.backends
    return {
      generation: snapshot.generation,
      total: size,
      matching: entries.length,
      entries: entries.slice(offset, offset + limit),
    }
  }

  #frontendRow(frontend: CompiledFrontend) {
    const { name, priority, backend, config } = frontend
    return {
      name,
      rule: maskedRule(frontend),
      priority,
      backend,
      ...(config.entryPoints && { entryPoints: config.entryPoints }),
      ...(config.metadata && { metadata: config.metadata }),
      requests: this.#traffic.frontends.get(name)?.requests ?? 0,
      share: this.#traffic.shareOf(name),
    }
  }

  #backendRow({ name, config, servers }: LiveBackend, inFlight: ReadonlyMap<LiveServer | string, number>) {
    return {
      name,
      method: config.loadBalancer?.method ?? DEFAULT_STRATEGY,
      ...(config.metadata && { metadata: config.metadata }),
      requests: this.#traffic.servers.requestsOf(name),
      retries: this.#traffic.retries.get(name) ?? 0,
      inFlight: inFlight.get(name) ?? 0,
      serverCount: servers.length,
      servers: servers
        .slice(0, MAX_SERVERS)
        .map((server) => this.#serverRow(name, server, inFlight.get(server) ?? 0)),
    }
  }

  #serverRow(backend: string, server: LiveServer, inFlight: number) {
    const { name, url, weight, upstream, state } = server
    const traffic = this.#traffic.servers.of(backend, name)
    const latency = traffic?.before.count ? traffic.before : traffic?.latency
    const meanMs = latency?.mean
    const p99Ms = latency?.percentile(0.99)
    return {
      name,
      url: maskCredentials(url),
      weight,
      ...(isLabelled(server) && { metadata: server.metadata }),
      state: weight === 0 ? 'off' : state.isAvailable ? 'up' : 'down',
      ...(state.reason !== undefined && { reason: state.reason }),
      inFlight,
      connections: upstream.connections.open,
      requests: traffic?.requests ?? 0,
      errors: traffic?.errors ?? 0,
      ...(meanMs !== undefined && { meanMs }),
      ...(p99Ms !== undefined && { p99Ms }),
    }
  }

  /**
   * Counts the requests in flight, by server and by backend name. The API counts them only when it needs the numbers, so that no
   * request pays for the counting.
   */
  #inFlight(): Map<LiveServer | string, number> {
    const counts = new Map<LiveServer | string, number>()
    const count = (of: LiveServer | string) => counts.set(of, (counts.get(of) ?? 0) + 1)
    for (const { server, backend } of this.#source.engine.inFlight.exchanges) {
      if (!server || !backend) continue
      count(server)
      count(backend.name)
    }
    return counts
  }
}

function* searchIn<T>(
  all: readonly T[],
  search: string,
  texts: (entry: T) => readonly string[],
): Generator<void, readonly T[]> {
  if (search === '') return all
  const found: T[] = []
  for (const entry of all) {
    if (texts(entry).some((text) => text.toLowerCase().includes(search))) found.push(entry)
    yield
  }
  return found
}
