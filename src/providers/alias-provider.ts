import { pause } from '../base/timing.js'
import { asError, type Issue, ProxyError } from '../model/errors.js'
import type { AliasReading, AliasSource, ConfigFetcher, ConfigSink, Provider } from '../model/provider.js'
import { type AliasProviderOptions, checkAliasProviderOptions } from './alias-provider-options.js'
import { parseAliasValue } from './alias-value.js'
import { Backoff } from './backoff.js'

/** Shortest and longest backoff delay in milliseconds, while the alias value cannot be read or the document cannot be fetched. */
const UNREACHABLE_MS = { min: 100, max: 2_000 }

/** Shortest and longest backoff delay, in milliseconds, before a document that the proxy refused is fetched again. */
const REFUSED_MS = { min: 1_000, max: 30_000 }

/** The longest `Retry-After` that the provider obeys, in milliseconds. A faulty config API may ask for hours. */
const MAX_RETRY_AFTER_MS = 30_000

/** The steps before the fetch of the document, each with its duration in milliseconds. */
interface StepTimes extends Readonly<Record<string, number>> {
  readonly watch: number
  readonly spread?: number
}

interface Attempt {
  readonly outcome: 'done' | 'refused' | 'unreachable'
  readonly retryAfterMs?: number | undefined
}

/**
 * The parts that can fail independently: the alias source, the alias key in it, and the fetch of the document. The provider
 * reports the end of an outage when none of them fails.
 */
type Part = 'source' | 'key' | 'fetch'

/**
 * Follows an alias: a key whose value names the prefix of the current configuration document. When the alias source reports a
 * change, the provider reads the alias value. It then fetches the document under that prefix, and delivers the document to the
 * proxy. A newer alias value aborts all work for the older one.
 *
 * A report of the alias source carries no value: it only makes the provider read the value. Lost, duplicate and late reports
 * therefore do no harm.
 *
 * @example
 * ```ts
 * const source = new InMemoryAliasSource('/traefik/dev/v1')
 * const fetcher = new ApiConfigFetcher({ url: 'http://config.test/traefik-config' })
 * const proxy = createProxy({ providers: [new AliasProvider({ source, fetcher })] })
 * await proxy.ready()
 * source.set('/traefik/dev/v2') // the proxy switches to the document under /traefik/dev/v2
 * ```
 */
export class AliasProvider implements Provider {
  /** The provider's name, unique among the proxy's providers. */
  readonly name: string
  /** Whether a configuration document without frontends may go live. */
  readonly allowEmpty: boolean
  /** The shortest time, in milliseconds, between two documents of this provider that the proxy accepts. */
  readonly throttleMs: number
  readonly #source: AliasSource
  readonly #fetcher: ConfigFetcher
  readonly #allowedPrefix: string | undefined
  readonly #spreadMs: number
  readonly #failing = new Set<Part>()
  readonly #stopped = new AbortController()
  #sink: ConfigSink | undefined
  /**
   * When the alias source reported the oldest change that no read has covered yet, in milliseconds of `performance.now()`.
   * Undefined if there is none.
   */
  #changedAt: number | undefined
  #reading = false
  /** Ends the wait after a failed read of the alias value: when the alias source reports a change, and at `stop`. */
  #retryWait = new AbortController()
  #lastReading: AliasReading | undefined
  /** Aborts the fetches of the document that the current alias value names: at the next write of the alias, and at `stop`. */
  #following = new AbortController()

  /**
   * Makes a provider that follows an alias. The provider starts when the proxy starts.
   *
   * @throws ProxyError `PROXY_OPTION_INVALID` for an unknown option, a missing source or fetcher, or a number out of range
   */
  constructor(options: AliasProviderOptions) {
    checkAliasProviderOptions(options)
    this.name = options.name ?? 'alias'
    this.allowEmpty = options.allowEmpty ?? false
    this.#source = options.source
    this.#fetcher = options.fetcher
    this.#allowedPrefix = options.allowedPrefix
    this.throttleMs = options.throttleMs ?? 0
    this.#spreadMs = options.spreadMs ?? 0
  }

  /**
   * Begins to watch the alias source. The promise resolves without waiting for the first document. If the alias source cannot be
   * reached, the provider calls `sink.unavailable`.
   */
  async start(sink: ConfigSink): Promise<void> {
    this.#sink = sink
    await this.#source.watch({
      changed: () => this.#onChanged(),
      unavailable: (error) => this.#unavailable('source', error),
      recovered: () => this.#recovered('source'),
    })
  }

  /** Aborts every read of the alias value and every fetch of a document, then stops the alias source. */
  async stop(): Promise<void> {
    this.#stopped.abort()
    this.#retryWait.abort()
    this.#following.abort()
    await this.#source.stop()
  }

  /** alias source reports a change: starts a read of the alias value. If a read is in progress, one more read follows it. */
  #onChanged(): void {
    this.#changedAt ??= performance.now()
    this.#retryWait.abort()
    if (!this.#reading) void this.#readUntilCurrent()
  }

  async #readUntilCurrent(): Promise<void> {
    this.#reading = true
    const { signal } = this.#stopped
    const backoff = new Backoff(UNREACHABLE_MS.min, UNREACHABLE_MS.max)
    while (this.#changedAt !== undefined && !signal.aborted) {
      const changedAt = this.#changedAt
      this.#changedAt = undefined
      try {
        const reading = await this.#source.read({ signal })
        if (signal.aborted) break
        this.#recovered('source')
        backoff.reset()
        this.#onReading(reading, performance.now() - changedAt)
      } catch (thrown) {
        if (signal.aborted) break
        this.#unavailable('source', asError(thrown))
        this.#changedAt ??= changedAt
        this.#retryWait = new AbortController()
        await pause(backoff.next(), this.#retryWait.signal)
      }
    }
    this.#reading = false
  }

  /** read the alias value now: handles the value. Each write of the alias causes a fetch, even if the value stays the same. */
  #onReading(reading: AliasReading, watchMs: number): void {
    // If neither the revision nor the value has changed since the last read, there is nothing to do. The revision alone is not
    // enough: a store that was restored from a backup may have another value under a known revision.
    if (reading.revision === this.#lastReading?.revision && reading.value === this.#lastReading.value) return
    const spreadMs = this.#lastReading === undefined ? 0 : Math.random() * this.#spreadMs
    this.#lastReading = reading
    const { value } = reading
    this.#following.abort()
    this.#following = new AbortController()
    const { signal } = this.#following
    if (value === undefined) {
      const { alias = '' } = this.#source
      this.#unavailable(
        'key',
        new ProxyError('PROXY_ALIAS_MISSING', `the alias key ${alias} does not exist`.replace('  ', ' ')),
      )
      return
    }
    this.#recovered('key')
    try {
      const steps = { watch: watchMs, ...(spreadMs > 0 && { spread: spreadMs }) }
      void this.#follow(parseAliasValue(value, this.#allowedPrefix), steps, signal)
    } catch (thrown) {
      // The alias value is invalid, so no document is fetched. A failure of an earlier fetch therefore no longer counts.
      this.#recovered('fetch')
      this.#sink?.reject(thrown as ProxyError)
    }
  }

  /**
   * Fetches the document under a prefix and delivers it. Repeats this until the document is live or the alias is written again.
   */
  async #follow(prefix: string, steps: StepTimes, signal: AbortSignal): Promise<void> {
    const unreachable = new Backoff(UNREACHABLE_MS.min, UNREACHABLE_MS.max)
    const refused = new Backoff(REFUSED_MS.min, REFUSED_MS.max)
    if (steps.spread !== undefined) await pause(steps.spread, signal)
    while (!signal.aborted) {
      const { outcome, retryAfterMs = 0 } = await this.#fetchAndDeliver(prefix, steps, signal)
      if (outcome === 'done') return
      const waitMs = (outcome === 'refused' ? refused : unreachable).next()
      // Waits for the random delay, plus the `Retry-After` of the config API if there is one. `Retry-After` alone would be the
      // same for every proxy, so all proxies would fetch at the same moment.
      await pause(waitMs + (retryAfterMs > 0 ? Math.min(retryAfterMs, MAX_RETRY_AFTER_MS) : 0), signal)
    }
  }

  async #fetchAndDeliver(prefix: string, steps: StepTimes, signal: AbortSignal): Promise<Attempt> {
    // Next step of docs/life-of-a-config.md:
    // fetch
    const fetchStart = performance.now()
    try {
      const warnings: Issue[] = []
      const warn = (warning: Issue) => void warnings.push(warning)
      const document = await this.#fetcher.fetch(prefix, { signal, warn })
      if (signal.aborted) return { outcome: 'done' }
      this.#recovered('fetch')
      if (document?.prefix !== undefined && document.prefix !== prefix) throw lagging(prefix, document.prefix)
      const taken = { ...steps, fetch: performance.now() - fetchStart }
      const labelled = { ...document, version: document?.version ?? prefix }
      const delivery = await this.#sink?.update(labelled, {
        steps: taken,
        verified: document?.prefix === prefix,
        ...(warnings.length > 0 && { warnings }),
      })
      return { outcome: delivery?.state === 'refused' ? 'refused' : 'done' }
    } catch (thrown) {
      if (signal.aborted) return { outcome: 'done' }
      if (thrown instanceof ProxyError && thrown.source === 'config') {
        this.#recovered('fetch')
        this.#sink?.reject(thrown, { version: prefix })
        return { outcome: 'refused' }
      }
      this.#unavailable('fetch', asError(thrown))
      return { outcome: 'unreachable', retryAfterMs: (thrown as ProxyError | undefined)?.retryAfterMs }
    }
  }

  #unavailable(part: Part, error: Error): void {
    this.#failing.add(part)
    this.#sink?.unavailable(error)
  }

  #recovered(part: Part): void {
    if (this.#failing.delete(part) && this.#failing.size === 0) this.#sink?.recovered()
  }
}

function lagging(asked: string, answered: string): ProxyError {
  return new ProxyError('PROXY_CONFIG_LAGGING', `asked for ${asked}, the document is for ${answered}`)
}
