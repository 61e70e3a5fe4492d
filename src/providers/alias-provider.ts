import { setTimeout as delay } from 'node:timers/promises'
import { asError, ProxyError } from '../model/errors.js'
import type { AliasReading, AliasSource, ConfigFetcher, ConfigSink, Provider } from '../model/provider.js'
import { onlyKnownOptions } from '../rules/known-options.js'
import { parseAliasValue } from './alias-value.js'
import { Backoff } from './backoff.js'

export interface AliasProviderOptions {
  /** Where the alias value comes from. */
  readonly source: AliasSource
  /** Turns the prefix that the alias names into a document. */
  readonly fetcher: ConfigFetcher
  /** Default `alias`. */
  readonly name?: string
  /** The alias value must be this prefix or stand below it. Default: any absolute path. */
  readonly allowedPrefix?: string
  /** Whether a document without frontends may go live. Default false. */
  readonly allowEmpty?: boolean
}

/** A source that cannot be reached is asked again after 0.1 to 2 s; a prefix that was refused, after 1 to 30 s. */
const UNREACHABLE_MS = { min: 100, max: 2_000 }
const REFUSED_MS = { min: 1_000, max: 30_000 }

const OPTIONS = ['source', 'fetcher', 'name', 'allowedPrefix', 'allowEmpty'] as const

/** What can fail on its own: the source, the key in it, the fetcher. An outage is over when none does. */
type Part = 'source' | 'key' | 'fetch'

/**
 * Follows an alias: whenever its source rings, the alias value is read, the document under the prefix it names is
 * fetched, and delivered. A ring says only "look": lost, doubled and late ones do no harm. A newer alias value aborts
 * all work for the one before.
 */
export class AliasProvider implements Provider {
  readonly name: string
  readonly allowEmpty: boolean
  readonly #source: AliasSource
  readonly #fetcher: ConfigFetcher
  readonly #allowedPrefix: string | undefined
  readonly #ailing = new Set<Part>()
  readonly #stopped = new AbortController()
  #sink: ConfigSink | undefined
  /** When the bell rang that was not answered by a read yet. */
  #rungAt: number | undefined
  #reading = false
  /** Aborted by a ring while a failed read waits for its next try. */
  #waiting = new AbortController()
  #last: AliasReading | undefined
  /** Aborted when the alias was written again. */
  #following = new AbortController()

  /** @throws ProxyError `PROXY_OPTION_INVALID` */
  constructor(options: AliasProviderOptions) {
    onlyKnownOptions(options, OPTIONS, 'AliasProvider: ')
    if (typeof options.source?.watch !== 'function') {
      throw new ProxyError('PROXY_OPTION_INVALID', 'AliasProvider: expected a source with a function watch')
    }
    if (typeof options.fetcher?.fetch !== 'function') {
      throw new ProxyError('PROXY_OPTION_INVALID', 'AliasProvider: expected a fetcher with a function fetch')
    }
    this.name = options.name ?? 'alias'
    this.allowEmpty = options.allowEmpty ?? false
    this.#source = options.source
    this.#fetcher = options.fetcher
    this.#allowedPrefix = options.allowedPrefix
  }

  async start(sink: ConfigSink): Promise<void> {
    this.#sink = sink
    await this.#source.watch({
      ring: () => this.#ring(),
      trouble: (error) => this.#trouble('source', error),
      recovered: () => this.#well('source'),
    })
  }

  async stop(): Promise<void> {
    this.#stopped.abort()
    this.#following.abort()
    await this.#source.stop()
  }

  /** alias source rings: one read at a time, and one more if it rang meanwhile. */
  #ring(): void {
    this.#rungAt ??= performance.now()
    this.#waiting.abort()
    if (!this.#reading) void this.#answerRings()
  }

  async #answerRings(): Promise<void> {
    this.#reading = true
    const { signal } = this.#stopped
    const backoff = new Backoff(UNREACHABLE_MS.min, UNREACHABLE_MS.max)
    while (this.#rungAt !== undefined && !signal.aborted) {
      const rungAt = this.#rungAt
      this.#rungAt = undefined
      try {
        const reading = await this.#source.read({ signal })
        if (signal.aborted) break
        this.#well('source')
        backoff.reset()
        this.#look(reading, performance.now() - rungAt)
      } catch (thrown) {
        if (signal.aborted) break
        this.#trouble('source', asError(thrown))
        this.#rungAt ??= rungAt
        this.#waiting = new AbortController()
        await pause(backoff.next(), AbortSignal.any([signal, this.#waiting.signal]))
      }
    }
    this.#reading = false
  }

  /** read the alias value now: a write of it is a wish to switch, even to the same value. */
  #look(reading: AliasReading, watchMs: number): void {
    // Both: a store restored from a backup may give another value under a revision that was seen before.
    if (reading.revision === this.#last?.revision && reading.value === this.#last.value) return
    this.#last = reading
    const { value } = reading
    this.#following.abort()
    this.#following = new AbortController()
    const signal = AbortSignal.any([this.#following.signal, this.#stopped.signal])
    if (value === undefined) {
      const { alias = '' } = this.#source
      this.#trouble(
        'key',
        new ProxyError('PROXY_ALIAS_MISSING', `the alias key ${alias} does not exist`.replace('  ', ' ')),
      )
      return
    }
    this.#well('key')
    try {
      void this.#follow(parseAliasValue(value, this.#allowedPrefix), watchMs, signal)
    } catch (thrown) {
      this.#sink?.reject(thrown as ProxyError)
    }
  }

  /** Fetches and delivers, again and again until the document is live or the alias was written anew. */
  async #follow(prefix: string, watchMs: number, signal: AbortSignal): Promise<void> {
    const unreachable = new Backoff(UNREACHABLE_MS.min, UNREACHABLE_MS.max)
    const refused = new Backoff(REFUSED_MS.min, REFUSED_MS.max)
    while (!signal.aborted) {
      const outcome = await this.#fetchAndDeliver(prefix, watchMs, signal)
      if (outcome === 'done') return
      await pause((outcome === 'refused' ? refused : unreachable).next(), signal)
    }
  }

  async #fetchAndDeliver(
    prefix: string,
    watchMs: number,
    signal: AbortSignal,
  ): Promise<'done' | 'refused' | 'unreachable'> {
    // fetch
    const fetchStart = performance.now()
    try {
      const document = await this.#fetcher.fetch(prefix, { signal })
      if (signal.aborted) return 'done'
      this.#well('fetch')
      if (document?.prefix !== undefined && document.prefix !== prefix) throw lagging(prefix, document.prefix)
      const steps = { watch: watchMs, fetch: performance.now() - fetchStart }
      const labelled = { ...document, version: document?.version ?? prefix }
      const delivery = await this.#sink?.update(labelled, { steps, verified: document?.prefix === prefix })
      return delivery?.state === 'refused' ? 'refused' : 'done'
    } catch (thrown) {
      if (signal.aborted) return 'done'
      if (thrown instanceof ProxyError && thrown.source === 'config') {
        this.#well('fetch')
        this.#sink?.reject(thrown, { version: prefix })
        return 'refused'
      }
      this.#trouble('fetch', asError(thrown))
      return 'unreachable'
    }
  }

  #trouble(part: Part, error: Error): void {
    this.#ailing.add(part)
    this.#sink?.trouble(error)
  }

  #well(part: Part): void {
    if (this.#ailing.delete(part) && this.#ailing.size === 0) this.#sink?.recovered()
  }
}

function lagging(asked: string, answered: string): ProxyError {
  return new ProxyError('PROXY_CONFIG_LAGGING', `asked for ${asked}, the document is for ${answered}`)
}

/** Waits; an abort ends the wait, and is for the caller to see. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal, ref: false }).catch(() => {})
}
