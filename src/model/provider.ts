import type { ProviderConfig } from './config.js'
import type { Issue, ProxyError } from './errors.js'

/**
 * Delivers whole configurations to the proxy over time. A provider is simple to write, because a supervisor in the proxy runs it.
 * The supervisor starts the provider once, stops it once, and ignores calls of the sink afterwards.
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
   * The shortest time, in milliseconds, between two documents that the proxy accepts from this provider. In a burst of documents,
   * the proxy accepts the first one at once and later the newest. Documents of other providers do not wait.
   *
   * @default 0, each document at once
   */
  readonly throttleMs?: number
  /**
   * Begins to deliver, without waiting for the source of the documents. If the source is down, calls `sink.unavailable` and
   * resolves.
   */
  start(sink: ConfigSink): Promise<void>
  /** Ends the delivery and releases all resources. The proxy also calls `stop` after a failed or unfinished `start`. */
  stop(): Promise<void>
}

/**
 * The outcome of a delivery. `live`: the document is live, as a part of the configuration with the number `generation`.
 * `refused`: the document has `issues`. `superseded`: a newer document of the provider came before this one was live.
 */
export type Delivery =
  | { readonly state: 'live'; readonly generation: number }
  | { readonly state: 'refused'; readonly issues: readonly Issue[] }
  | { readonly state: 'superseded' }

/** Details that a provider adds to a document when it delivers the document. */
export interface DeliveryNotes {
  /** Milliseconds that each step took so far, in order, such as `{ watch: 2, fetch: 14 }`. @default none */
  readonly steps?: Readonly<Record<string, number>>
  /** False if the source did not confirm which version it answered with. @default true */
  readonly verified?: boolean
  /** Warnings: issues that do not refuse the document, such as keys left out. `configChanged` repeats them. @default none */
  readonly warnings?: readonly Issue[]
}

/** Receives what a provider delivers and reports. After the provider was stopped, the sink ignores all calls. */
export interface ConfigSink {
  /** Delivers a whole configuration. The proxy validates it, so it may have any shape. The promise never rejects. */
  update(config: ProviderConfig, about?: DeliveryNotes): Promise<Delivery>
  /**
   * Reports that the provider's source answered with data that cannot be used. The proxy emits `configRejected` once for each
   * different error.
   */
  reject(error: ProxyError, about?: { readonly version?: string }): void
  /**
   * Reports that the provider's source cannot be reached. The proxy emits `providerUnavailable` once for each outage, with the
   * first error.
   */
  unavailable(error: Error): void
  /**
   * Reports that the provider's source can be reached again. The proxy emits `providerRecovered` when that has lasted two
   * seconds.
   */
  recovered(): void
}

/**
 * Fetches the configuration document that belongs to a prefix.
 *
 * @example const fetcher: ConfigFetcher = { fetch: async (prefix) => ({ ...(await load(prefix)), prefix }) }
 */
export interface ConfigFetcher {
  /**
   * Fetches the configuration document under `prefix`. If a document was obtained but cannot be used, the promise rejects with a
   * `ProxyError` whose `source` is `config`. Any other error means that the document cannot be obtained. The next fetch then
   * waits for the error's `retryAfterMs`.
   */
  fetch(prefix: string, context: FetchContext): Promise<ProviderConfig>
}

/** Further arguments of `ConfigFetcher.fetch`. */
export interface FetchContext {
  /** Aborts when the document is no longer wanted. */
  readonly signal: AbortSignal
  /** Reports a warning: an issue that does not refuse the document, such as a key left out. `configChanged` repeats it. */
  readonly warn?: (warning: Issue) => void
}

/**
 * Where an alias value comes from. `watch` only reports that the value may have changed; `read` returns the value. Lost,
 * duplicate and late reports do no harm, because the proxy reads the value after each report.
 */
export interface AliasSource {
  /** The name of the alias in messages: its key, and where the key is stored. @default messages do not name the alias */
  readonly alias?: string
  /** Begins to watch the alias value. The promise resolves at once, and `watcher` gets the reports of failures. */
  watch(watcher: AliasWatcher): Promise<void>
  /**
   * Returns the current alias value, and a mark that changes with each write of the alias. Rejects if the value cannot be read.
   */
  read(context: { readonly signal: AbortSignal }): Promise<AliasReading>
  /** Ends the watch and releases all resources. */
  stop(): Promise<void>
}

/** Receives the reports of an alias source. The proxy implements it. */
export interface AliasWatcher {
  /** Reports that the alias value may have changed. The proxy then reads the value. */
  changed(): void
  /** Reports that the alias source cannot be reached. */
  unavailable(error: Error): void
  /** Reports that the alias source can be reached again. */
  recovered(): void
}

/** The result of reading an alias. */
export interface AliasReading {
  /** The alias value. Absent if the alias key does not exist. */
  readonly value?: string
  /** A mark that changes with each write of the alias, even if the value stays the same. */
  readonly revision: string
}

/** A configuration document that was live, as it is kept for the next start of the proxy. */
export interface CachedConfig {
  /** The document, as the provider delivered it. */
  readonly document: ProviderConfig
  /** When the document went live, in ISO 8601. */
  readonly savedAt: string
}

/** Stores the last good configuration of each provider. The next start of the proxy uses it if the provider's source is down. */
export interface ConfigCache {
  /**
   * Milliseconds that a provider has after the start to deliver. After that, the proxy uses the provider's stored configuration.
   *
   * @default 3_000
   */
  readonly startGraceMs?: number
  /** Returns the stored configurations by the provider's name. Rejects if they cannot be trusted. */
  load(): Promise<ReadonlyMap<string, CachedConfig>>
  /** Stores a document that went live. Calls for several providers may overlap. */
  save(provider: string, config: CachedConfig): Promise<void>
}
