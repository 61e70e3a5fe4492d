import type { ProviderConfig } from '../model/config.js'
import { asError, ProxyError } from '../model/errors.js'
import type { CachedConfig, ConfigCache } from '../model/provider.js'

const DEFAULT_GRACE_MS = 3_000

/** What a cold start needs of the supervisor. */
export interface ColdStartHost {
  /** Providers that have delivered nothing yet, and are not about to. */
  missing(): readonly string[]
  deliver(provider: string, cached: CachedConfig): void
  rejected(provider: string, error: ProxyError): void
  failed(provider: string, error: ProxyError): void
}

/**
 * Keeps what went live, and delivers what was kept in the place of providers whose source is down at the start. A cache
 * that cannot be read or written is told of, and harms nothing else.
 */
export class ColdStart {
  readonly #cache: ConfigCache
  readonly #host: ColdStartHost
  /** Read once, at the start: the first thing kept would otherwise take the place of what others have there. */
  #loading: Promise<ReadonlyMap<string, CachedConfig>> = Promise.resolve(new Map())
  #timer: NodeJS.Timeout | undefined
  #stopped = false
  #keeping: Promise<void> = Promise.resolve()
  /** Told of once, until keeping works again. */
  #failing = false
  /** Whether somebody knows that the cache cannot be read. */
  #unreadableTold = false

  constructor(cache: ConfigCache, host: ColdStartHost) {
    this.#cache = cache
    this.#host = host
  }

  /** Begins to wait for the providers. */
  start(): void {
    const graceMs = this.#cache.startGraceMs ?? DEFAULT_GRACE_MS
    this.#loading = this.#load()
    // Told of with the first document that is kept, and after the grace to those whom it would have helped.
    this.#loading.catch(() => {})
    this.#timer = setTimeout(() => void this.#helpOut(), graceMs)
    this.#timer.unref()
  }

  /** Resolves when what is being kept is kept. */
  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    await this.#keeping
  }

  /** After a document went live, never before. */
  keep(provider: string, document: ProviderConfig): void {
    const earlier = this.#keeping
    this.#keeping = this.#keep(provider, document).then(() => earlier)
  }

  // Async, so that a host's cache that throws at once rejects.
  async #load(): Promise<ReadonlyMap<string, CachedConfig>> {
    return this.#cache.load()
  }

  async #keep(provider: string, document: ProviderConfig): Promise<void> {
    try {
      await this.#loading
    } catch (thrown) {
      // Nobody may have needed it, but the next start may.
      if (!this.#unreadableTold) this.#tellUnreadable([provider], thrown)
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

  async #helpOut(): Promise<void> {
    if (this.#host.missing().length === 0) return
    try {
      const kept = await this.#loading
      for (const provider of this.#host.missing()) {
        const cached = kept.get(provider)
        if (cached && !this.#stopped) this.#host.deliver(provider, cached)
      }
    } catch (thrown) {
      this.#tellUnreadable(this.#host.missing(), thrown)
    }
  }

  #tellUnreadable(providers: readonly string[], thrown: unknown): void {
    if (this.#stopped || providers.length === 0) return
    this.#unreadableTold = true
    const error = cacheError('PROXY_CACHE_INVALID', thrown)
    for (const provider of providers) this.#host.rejected(provider, error)
  }
}

function cacheError(code: 'PROXY_CACHE_FAILED' | 'PROXY_CACHE_INVALID', thrown: unknown): ProxyError {
  return thrown instanceof ProxyError
    ? thrown
    : new ProxyError(code, asError(thrown).message, { cause: thrown })
}
