import { setTimeout as delay } from 'node:timers/promises'
import { onlyKnownOptions, positiveOption } from '../base/known-options.js'
import { asError, type Issue, ProxyError } from '../model/errors.js'
import type { AliasReading, AliasSource, ConfigFetcher, ConfigSink, Provider } from '../model/provider.js'
import { parseAliasValue } from './alias-value.js'
import { Backoff } from './backoff.js'
import { FOLLOW_OPTIONS, type FollowOptions } from './follow-options.js'

/** Which alias an `AliasProvider` follows, and how. */
export interface AliasProviderOptions extends FollowOptions {
  /** Where the alias value comes from. */
  readonly source: AliasSource
}

/** A source that cannot be reached is asked again after 0.1 to 2 s; a prefix that was refused, after 1 to 30 s. */
const UNREACHABLE_MS = { min: 100, max: 2_000 }
const REFUSED_MS = { min: 1_000, max: 30_000 }

/** An API may ask to be left alone for so long, and no longer: it also says so when it is wrong. */
const MAX_RETRY_AFTER_MS = 30_000

const OPTIONS = ['source', ...FOLLOW_OPTIONS] as const

/** What it took until the fetch, in milliseconds. */
interface StepTimes extends Readonly<Record<string, number>> {
  readonly watch: number
  readonly spread?: number
}

interface Attempt {
  readonly outcome: 'done' | 'refused' | 'unreachable'
  readonly retryAfterMs?: number | undefined
}

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
  readonly throttleMs: number
  readonly #source: AliasSource
  readonly #fetcher: ConfigFetcher
  readonly #allowedPrefix: string | undefined
  readonly #spreadMs: number
  readonly #ailing = new Set<Part>()
  readonly #stopped = new AbortController()
  #sink: ConfigSink | undefined
  /** When the bell rang that was not answered by a read yet. */
  #rungAt: number | undefined
  #reading = false
  /** Aborted by a ring, and by the end, while a failed read waits for its next try. */
  #waiting = new AbortController()
  #last: AliasReading | undefined
  /** Aborted when the alias was written again, and at the end. */
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
    for (const name of ['spreadMs', 'throttleMs'] as const) {
      if (options[name] !== 0) positiveOption(options[name], `AliasProvider: ${name}`)
    }
    this.name = options.name ?? 'alias'
    this.allowEmpty = options.allowEmpty ?? false
    this.#source = options.source
    this.#fetcher = options.fetcher
    this.#allowedPrefix = options.allowedPrefix
    this.throttleMs = options.throttleMs ?? 0
    this.#spreadMs = options.spreadMs ?? 0
  }

  async start(sink: ConfigSink): Promise<void> {
    this.#sink = sink
    await this.#source.watch({
      changed: () => this.#ring(),
      unavailable: (error) => this.#unavailable('source', error),
      recovered: () => this.#well('source'),
    })
  }

  async stop(): Promise<void> {
    this.#stopped.abort()
    this.#waiting.abort()
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
        this.#unavailable('source', asError(thrown))
        this.#rungAt ??= rungAt
        this.#waiting = new AbortController()
        await pause(backoff.next(), this.#waiting.signal)
      }
    }
    this.#reading = false
  }

  /** read the alias value now: a write of it is a wish to switch, even to the same value. */
  #look(reading: AliasReading, watchMs: number): void {
    // Both: a store restored from a backup may give another value under a revision that was seen before.
    if (reading.revision === this.#last?.revision && reading.value === this.#last.value) return
    const spreadMs = this.#last === undefined ? 0 : Math.random() * this.#spreadMs
    this.#last = reading
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
    this.#well('key')
    try {
      const steps = { watch: watchMs, ...(spreadMs > 0 && { spread: spreadMs }) }
      void this.#follow(parseAliasValue(value, this.#allowedPrefix), steps, signal)
    } catch (thrown) {
      // Nothing is fetched any more.
      this.#well('fetch')
      this.#sink?.reject(thrown as ProxyError)
    }
  }

  /** Fetches and delivers, again and again until the document is live or the alias was written anew. */
  async #follow(prefix: string, steps: StepTimes, signal: AbortSignal): Promise<void> {
    const unreachable = new Backoff(UNREACHABLE_MS.min, UNREACHABLE_MS.max)
    const refused = new Backoff(REFUSED_MS.min, REFUSED_MS.max)
    if (steps.spread !== undefined) await pause(steps.spread, signal)
    while (!signal.aborted) {
      const { outcome, retryAfterMs = 0 } = await this.#fetchAndDeliver(prefix, steps, signal)
      if (outcome === 'done') return
      const waitMs = (outcome === 'refused' ? refused : unreachable).next()
      // On top of it, for all that were asked to wait were asked to wait for the same time.
      await pause(waitMs + (retryAfterMs > 0 ? Math.min(retryAfterMs, MAX_RETRY_AFTER_MS) : 0), signal)
    }
  }

  async #fetchAndDeliver(prefix: string, steps: StepTimes, signal: AbortSignal): Promise<Attempt> {
    // fetch
    const fetchStart = performance.now()
    try {
      const warnings: Issue[] = []
      const warn = (warning: Issue) => void warnings.push(warning)
      const document = await this.#fetcher.fetch(prefix, { signal, warn })
      if (signal.aborted) return { outcome: 'done' }
      this.#well('fetch')
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
        this.#well('fetch')
        this.#sink?.reject(thrown, { version: prefix })
        return { outcome: 'refused' }
      }
      this.#unavailable('fetch', asError(thrown))
      return { outcome: 'unreachable', retryAfterMs: (thrown as ProxyError | undefined)?.retryAfterMs }
    }
  }

  #unavailable(part: Part, error: Error): void {
    this.#ailing.add(part)
    this.#sink?.unavailable(error)
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
