import type { ProviderConfig } from '../model/config.js'
import { asError, ProxyError } from '../model/errors.js'
import type { CachedConfig, ConfigCache } from '../model/provider.js'

/**
 * Milliseconds that each provider has after the start to deliver a configuration. After that, its stored configuration serves
 * instead.
 */
const DEFAULT_GRACE_MS = 3_000

/**
 * What `ColdStart` needs of the supervisor, which runs the providers. `ColdStart` makes the proxy serve the last good
 * configurations while the sources of providers are down.
 */
export interface ColdStartHost {
  /** Returns the names of the providers that have no live configuration and no delivery in progress. */
  missing(): readonly string[]
  /** Delivers a stored configuration on behalf of a provider. */
  deliver(provider: string, cached: CachedConfig): void
  /** Reports that the cache of stored configurations cannot be read. `provider` is a provider that needs the cache. */
  rejected(provider: string, error: ProxyError): void
  /** Reports that the configuration of a provider cannot be written to the cache. */
  failed(provider: string, error: ProxyError): void
}

/**
 * Saves each configuration that goes live in a cache, and starts the proxy from that cache if necessary. When a grace period
 * after the start is over, a provider without a live configuration gets its saved one. If the cache cannot be read or written,
 * that is reported, and the proxy runs without the cache.
 */
export class ColdStart {
  readonly #cache: ConfigCache
  readonly #host: ColdStartHost
  /**
   * The saved configurations by provider. They are read once at the start, because a cache such as `LastGoodFile` writes all of
   * them at each save. Without the read, the first save would overwrite the configurations of the other providers.
   */
  #loading: Promise<ReadonlyMap<string, CachedConfig>> = Promise.resolve(new Map())
  #timer: NodeJS.Timeout | undefined
  #stopped = false
  #keeping: Promise<void> = Promise.resolve()
  /** Whether the last save failed. Further failures are not reported until a save succeeds. */
  #failing = false
  /** Whether it was reported that the cache cannot be read. A save then does not report it once more. */
  #unreadableReported = false

  constructor(cache: ConfigCache, host: ColdStartHost) {
    this.#cache = cache
    this.#host = host
  }

  /**
   * Begins to read the cache. When the grace period ends, delivers the saved configuration of each provider that has none live.
   */
  start(): void {
    const graceMs = this.#cache.startGraceMs ?? DEFAULT_GRACE_MS
    this.#loading = this.#load()
    // If the read of the cache fails, this handler only prevents an unhandled rejection, which would end the process. The failure
    // is reported at the first save, and after the grace period for the providers that need the cache.
    this.#loading.catch(() => {})
    this.#timer = setTimeout(() => void this.#deliverMissing(), graceMs)
    this.#timer.unref()
  }

  /** Stops the delivery of saved configurations. The promise resolves when the saves in progress have ended. */
  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    await this.#keeping
  }

  /**
   * Saves the live configuration of a provider. No other one may be saved: after a restart, the proxy may serve it without asking
   * the source.
   */
  keep(provider: string, document: ProviderConfig): void {
    const earlier = this.#keeping
    this.#keeping = this.#keep(provider, document).then(() => earlier)
  }

  // The function is `async` although it awaits nothing. If the `load` of a cache of the embedding application throws at once,
  // `async` turns the error into a rejection.
  async #load(): Promise<ReadonlyMap<string, CachedConfig>> {
    return this.#cache.load()
  }

  async #keep(provider: string, document: ProviderConfig): Promise<void> {
    try {
      await this.#loading
    } catch (thrown) {
      // The cache cannot be read. That is reported even if this run does not need the cache, because the next start may need it.
      if (!this.#unreadableReported) this.#reportUnreadable([provider], thrown)
    }
    try {
      await this.#cache.save(provider, { document, savedAt: new Date().toISOString() })
      this.#failing = false
    } catch (thrown) {
      if (!this.#failing && !this.#stopped)
        this.#host.failed(provider, cacheError('PROXY_CACHE_FAILED', thrown))
      this.#failing = true
    }
  }

  async #deliverMissing(): Promise<void> {
    if (this.#host.missing().length === 0) return
    try {
      const kept = await this.#loading
      for (const provider of this.#host.missing()) {
        const cached = kept.get(provider)
        if (cached && !this.#stopped) this.#host.deliver(provider, cached)
      }
    } catch (thrown) {
      this.#reportUnreadable(this.#host.missing(), thrown)
    }
  }

  #reportUnreadable(providers: readonly string[], thrown: unknown): void {
    if (this.#stopped || providers.length === 0) return
    this.#unreadableReported = true
    const error = cacheError('PROXY_CACHE_INVALID', thrown)
    for (const provider of providers) this.#host.rejected(provider, error)
  }
}

function cacheError(code: 'PROXY_CACHE_FAILED' | 'PROXY_CACHE_INVALID', thrown: unknown): ProxyError {
  return thrown instanceof ProxyError
    ? thrown
    : new ProxyError(code, asError(thrown).message, { cause: thrown })
}
