import type { ProviderConfig } from './config.js'
import type { Issue, ProxyError } from './errors.js'

/**
 * Delivers whole configurations over time. Deliberately naive: the supervisor starts it once, stops it once,
 * drops what it says after its end, and repeats nothing, so an author need not think about any of that.
 */
export interface Provider {
  /** Unique among a proxy's providers; without `@`. Frontends are shown as `frontend@name`. */
  readonly name: string
  /** Whether a document without frontends may go live. Default false: an operator's slip must not switch everything off. */
  readonly allowEmpty?: boolean
  /**
   * Of a burst of documents, at most one in so many milliseconds is taken: the first at once, then the newest. Other
   * providers' documents do not wait for it. Default 0: each is taken as it comes.
   */
  readonly throttleMs?: number
  /** Begins to deliver. Resolves without waiting for the far end: a source that is down is `sink.unavailable`, not a rejection. */
  start(sink: ConfigSink): Promise<void>
  /** Ends delivery and releases everything. Also called after a failed or unfinished `start`. */
  stop(): Promise<void>
}

/** What became of a delivered configuration. */
export type Delivery =
  | { readonly state: 'live'; readonly generation: number }
  | { readonly state: 'refused'; readonly issues: readonly Issue[] }
  | { readonly state: 'superseded' }

/** What is known about a delivery beside the document. */
export interface DeliveryNotes {
  /** Milliseconds per step taken so far, in order: for example `{ watch: 2, fetch: 14 }`. */
  readonly steps?: Readonly<Record<string, number>>
  /** False if the source did not confirm which version it answered with. Default true. */
  readonly verified?: boolean
  /** What was left out of the document, and the like: told with the switch. */
  readonly warnings?: readonly Issue[]
}

/** What a provider delivers to. Calls after `stop` are dropped. */
export interface ConfigSink {
  /** Delivers a whole configuration, of any shape: it is checked here. Never rejects. */
  update(config: ProviderConfig, about?: DeliveryNotes): Promise<Delivery>
  /** Something was obtained that cannot be used: tells the operator once per distinct error (`configRejected`). */
  reject(error: ProxyError, about?: { readonly version?: string }): void
  /** Nothing can be obtained: tells the operator once per outage (`providerUnavailable`), with the first cause. */
  unavailable(error: Error): void
  /** The source answers again; `providerRecovered` follows when that has lasted. */
  recovered(): void
}

/** Turns a prefix into a configuration document. */
export interface ConfigFetcher {
  /**
   * Fetches the document under `prefix`. A rejection with a `ProxyError` whose `source` is `config` means "obtained,
   * but unusable"; any other means "not obtainable", and its `retryAfterMs` is heeded.
   */
  fetch(prefix: string, context: FetchContext): Promise<ProviderConfig>
}

/** What a fetch is given beside the prefix. */
export interface FetchContext {
  /** Aborted when the document is wanted no more. */
  readonly signal: AbortSignal
  /** Tells of what was left out of the document, and the like: it comes with the switch. */
  readonly warn?: (warning: Issue) => void
}

/** Where an alias value comes from. A doorbell and a door: `watch` only rings, `read` says what is there now. */
export interface AliasSource {
  /** What the alias is called in messages: its key, and where that is. */
  readonly alias?: string
  /** Begins to ring. Resolves at once; trouble is told through the bell. */
  watch(watcher: AliasWatcher): Promise<void>
  /** The value now, and a mark that changes whenever the alias is written. No value: the key does not exist. */
  read(context: { readonly signal: AbortSignal }): Promise<AliasReading>
  stop(): Promise<void>
}

/** What a source rings. Doubled, merged and late rings are harmless. */
export interface AliasWatcher {
  /** Something may have changed: read. */
  changed(): void
  unavailable(error: Error): void
  recovered(): void
}

/** What a read of the alias found. */
export interface AliasReading {
  readonly value?: string
  readonly revision: string
}

/** A document as it was live, and when it became so (ISO 8601). */
export interface CachedConfig {
  readonly document: ProviderConfig
  readonly savedAt: string
}

/** Keeps each provider's last good configuration, for a start while its source is down. */
export interface ConfigCache {
  /** How long a provider may take to deliver before what is kept is used, in milliseconds. Default 3,000. */
  readonly startGraceMs?: number
  /** What is kept, by provider. Rejects if it cannot be trusted. */
  load(): Promise<ReadonlyMap<string, CachedConfig>>
  /** Keeps a document that went live. Calls for several providers may overlap. */
  save(provider: string, config: CachedConfig): Promise<void>
}
