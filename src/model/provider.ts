import type { ProviderConfig } from './config.js'
import type { Issue, ProxyError } from './errors.js'

/**
 * Delivers whole configurations over time. The supervisor makes a provider simple to write. It starts a provider once and stops
 * it once. It drops calls of the sink after the stop.
 *
 * @example
 * const provider: Provider = {
 *   name: 'own',
 *   start: async (sink) => void (await sink.update(await readDocument())),
 *   stop: async () => {},
 * }
 */
export interface Provider {
  /** The name, unique among the providers of a proxy and without `@`. Frontends are shown as `frontend@name`. */
  readonly name: string
  /** Whether a document without frontends may go live. If false, an operator cannot empty the proxy by mistake. @default false */
  readonly allowEmpty?: boolean
  /**
   * Milliseconds between two documents of a burst that the proxy takes: the first at once, then the newest. Documents of other
   * providers do not wait for it.
   *
   * @default 0, each document at once
   */
  readonly throttleMs?: number
  /** Begins to deliver. It does not wait for the source. For a source that is down it calls `sink.unavailable` and resolves. */
  start(sink: ConfigSink): Promise<void>
  /** Ends delivery and releases all resources. The supervisor also calls it after a failed or unfinished `start`. */
  stop(): Promise<void>
}

/**
 * The outcome of a delivery. `live`: the document serves, as a part of `generation`. `refused`: the document has `issues`.
 * `superseded`: a newer document of the provider came before this one was live.
 */
export type Delivery =
  | { readonly state: 'live'; readonly generation: number }
  | { readonly state: 'refused'; readonly issues: readonly Issue[] }
  | { readonly state: 'superseded' }

/** Notes of a provider on a document that it delivers. */
export interface DeliveryNotes {
  /** Milliseconds of each step so far, in order, such as `{ watch: 2, fetch: 14 }`. @default none */
  readonly steps?: Readonly<Record<string, number>>
  /** False if the source did not confirm which version it answered with. @default true */
  readonly verified?: boolean
  /** Issues that do not refuse the document, such as keys that were left out. `configChanged` repeats them. @default none */
  readonly warnings?: readonly Issue[]
}

/** The receiver of a provider's deliveries. It ignores calls after `stop`. */
export interface ConfigSink {
  /** Delivers a whole configuration. The sink checks it, so it may have any shape. Never rejects. */
  update(config: ProviderConfig, about?: DeliveryNotes): Promise<Delivery>
  /** Reports data that was obtained and cannot be used. The proxy emits `configRejected` once for each different error. */
  reject(error: ProxyError, about?: { readonly version?: string }): void
  /** Reports that no data can be obtained. The proxy emits `providerUnavailable` once for each outage, with the first error. */
  unavailable(error: Error): void
  /** Reports that the source answers again. The proxy emits `providerRecovered` when that has lasted two seconds. */
  recovered(): void
}

/**
 * Turns a prefix into a configuration document.
 *
 * @example const fetcher: ConfigFetcher = { fetch: async (prefix) => ({ ...(await load(prefix)), prefix }) }
 */
export interface ConfigFetcher {
  /**
   * Fetches the document under `prefix`. It rejects with a `ProxyError` whose `source` is `config` if the document was obtained
   * and cannot be used. Any other error means that the document cannot be obtained. The next fetch then waits for the error's
   * `retryAfterMs`.
   */
  fetch(prefix: string, context: FetchContext): Promise<ProviderConfig>
}

/** Further arguments of a fetch. */
export interface FetchContext {
  /** Aborts when the document is no longer wanted. */
  readonly signal: AbortSignal
  /** Reports an issue that does not refuse the document, such as a key that was left out. `configChanged` repeats it. */
  readonly warn?: (warning: Issue) => void
}

/**
 * Where an alias value comes from. `watch` only reports that the value may have changed; `read` returns the value. Lost, doubled
 * and late reports do no harm, because the proxy reads the value after each.
 */
export interface AliasSource {
  /** The alias in messages: its key, and where the key is. @default messages do not name it */
  readonly alias?: string
  /** Begins to watch the value. It resolves at once and reports failures to the watcher. */
  watch(watcher: AliasWatcher): Promise<void>
  /** Returns the value now, and a mark that changes whenever the alias is written. Rejects if the value cannot be read. */
  read(context: { readonly signal: AbortSignal }): Promise<AliasReading>
  /** Ends the watch and releases all resources. */
  stop(): Promise<void>
}

/** The receiver of an alias source's reports. */
export interface AliasWatcher {
  /** Reports that the value may have changed. The proxy reads it. */
  changed(): void
  /** Reports that the source cannot be reached. */
  unavailable(error: Error): void
  /** Reports that the source answers again. */
  recovered(): void
}

/** The result of reading an alias. */
export interface AliasReading {
  /** The alias value. Absent if the key does not exist. */
  readonly value?: string
  /** A mark that changes whenever the alias is written, even with the same value. */
  readonly revision: string
}

/** A document that was live. */
export interface CachedConfig {
  /** The document, as the provider delivered it. */
  readonly document: ProviderConfig
  /** When it went live, in ISO 8601. */
  readonly savedAt: string
}

/** Stores the last good configuration of each provider, for a start while the provider's source is down. */
export interface ConfigCache {
  /** Milliseconds that a provider may take to deliver before the proxy uses its stored configuration. @default 3_000 */
  readonly startGraceMs?: number
  /** Returns the stored configurations by the provider's name. Rejects if they cannot be trusted. */
  load(): Promise<ReadonlyMap<string, CachedConfig>>
  /** Stores a document that went live. Calls for several providers may overlap. */
  save(provider: string, config: CachedConfig): Promise<void>
}
