import type { ProviderConfig } from '../model/config.js'
import { asError, ProxyError } from '../model/errors.js'
import type { CachedConfig, ConfigCache } from '../model/provider.js'

/** Milliseconds that each provider has to deliver before the cache serves instead. */
const DEFAULT_GRACE_MS = 3_000

/** The supervisor, as the cold start sees it. */
export interface ColdStartHost {
  /** Returns the providers that have nothing live and no delivery in progress. */
  missing(): readonly string[]
  /** Delivers a document of the cache for a provider. */
  deliver(provider: string, cached: CachedConfig): void
  /** Reports that the cache cannot be read, for a provider that needs it. */
  rejected(provider: string, error: ProxyError): void
  /** Reports that a document cannot be written to the cache. */
  failed(provider: string, error: ProxyError): void
}

/**
 * Saves each document that went live in the cache. At the start, delivers the saved documents for providers
 * whose source is down. A cache that cannot be read or written is reported, and the proxy goes on without it.
 */
export class ColdStart {
  readonly #cache: ConfigCache
  readonly #host: ColdStartHost
  /**
   * The content of the cache, read once at the start. Without this read,
   * the first save would overwrite the documents of the other providers.
   */
  #loading: Promise<ReadonlyMap<string, CachedConfig>> = Promise.resolve(new Map())
  #timer: NodeJS.Timeout | undefined
  #stopped = false
  #keeping: Promise<void> = Promise.resolve()
  /** Whether the last save failed. A failure is reported once, until a save succeeds again. */
  #failing = false
  /** Whether it was reported that the cache cannot be read. */
  #unreadableReported = false

  constructor(cache: ConfigCache, host: ColdStartHost) {
    this.#cache = cache
    this.#host = host
  }

  /** Reads the cache, and delivers from it when the grace period ends. */
  start(): void {
    const graceMs = this.#cache.startGraceMs ?? DEFAULT_GRACE_MS
    this.#loading = this.#load()
    // This handler only keeps a failed read from ending the process. The failure is reported
    // with the first save, and after the grace period for the providers that need the cache.
    this.#loading.catch(() => {})
    this.#timer = setTimeout(() => void this.#deliverMissing(), graceMs)
    this.#timer.unref()
  }

  /** Ends the cold start. Resolves when the saves in progress have ended. */
  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    await this.#keeping
  }

  /** Saves a document. Only a document that is live may be saved: after a restart, the proxy serves it without its source. */
  keep(provider: string, document: ProviderConfig): void {
    const earlier = this.#keeping
    this.#keeping = this.#keep(provider, document).then(() => earlier)
  }

  // This function is async, so that an error that a host's cache throws synchronously becomes a rejection.
  async #load(): Promise<ReadonlyMap<string, CachedConfig>> {
    return this.#cache.load()
  }

  async #keep(provider: string, document: ProviderConfig): Promise<void> {
    try {
      await this.#loading
    } catch (thrown) {
      // The cache may not be needed in this run, but the next start may need it.
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
