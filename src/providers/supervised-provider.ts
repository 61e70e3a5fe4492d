import { isDeepStrictEqual } from 'node:util'
import { pause } from '../base/timing.js'
import type { DocumentLabels } from '../model/config.js'
import type { ProxyError } from '../model/errors.js'
import type { ConfigRejected, ProviderRecovered, ProviderUnavailable } from '../model/events.js'
import type { MergedConfig } from '../model/merge-configs.js'
import type { Metadata } from '../model/metadata.js'
import type { DeliveryNotes, Provider } from '../model/provider.js'
import { type DigestSource, LiveDigest } from './live-digest.js'

/**
 * Milliseconds for which a provider's source must be reachable again before its outage is over. If the network fails every
 * second, that is then one outage instead of many.
 */
const HEALTHY_MS = 2_000

/**
 * The state of a provider, as `proxy.state` shows it.
 *
 * @example
 * ```ts
 * const down = proxy.state.providers.filter(({ state }) => state === 'unavailable')
 * ```
 */
export interface ProviderState {
  /** The provider's name. */
  readonly provider: string
  /**
   * `pending` until the provider's first configuration is live, then `live`. `unavailable` while the provider's source cannot be
   * reached: the live configuration then keeps serving.
   */
  readonly state: 'pending' | 'live' | 'unavailable'
  /** The version label of the live configuration. */
  readonly version?: string
  /** The labels of the live configuration's document. Absent if it has none. */
  readonly metadata?: Metadata
  /** Milliseconds since the live configuration went live. */
  readonly ageMs?: number
  /**
   * When the live configuration was saved (ISO 8601). Present only if it comes from the last good file: since the start, no
   * configuration from the provider's source has gone live.
   */
  readonly staleSince?: string
  /**
   * Paths of guards (fields that keep requests out) that the live configuration lacks, because `unsupportedFields.warn` names
   * them.
   */
  readonly droppedGuards?: readonly string[]
}

/** Receives the reports about a provider: refused documents, and outages of its source. */
export interface SupervisionListener {
  /** A document of the provider was refused. */
  rejected(event: ConfigRejected): void
  /** The provider's source cannot be reached. */
  unavailable(event: ProviderUnavailable): void
  /** The outage of the provider's source has ended. */
  recovered(event: ProviderRecovered): void
}

/** A configuration document that a provider has delivered and that is not live yet. */
export interface PendingDelivery {
  readonly document: unknown
  readonly about: DeliveryNotes
  /** When the document was saved (ISO 8601). Present only if it comes from the cache of last good configurations. */
  readonly keptSince?: string
  /** Aborted when the same provider delivers a newer document, or when the proxy closes. */
  readonly superseded: AbortController
}

/** One provider with its state: its newest delivery, its last good configuration and its outages. */
export class SupervisedProvider {
  readonly provider: Provider
  readonly #listener: SupervisionListener
  #lastTaken = Number.NEGATIVE_INFINITY
  /** The newest delivery that is neither live nor refused yet. */
  pending: PendingDelivery | undefined
  /** The provider's last good configuration. The frontends and backends in it have full names such as `web@file`. */
  live: MergedConfig | undefined
  /**
   * A delivery that was refused only because a frontend names a backend of another provider, and that backend does not exist yet.
   */
  awaitsOthers: PendingDelivery | undefined
  #labels: DocumentLabels = {}
  readonly digest: LiveDigest
  #liveSince = 0
  #droppedGuards: readonly string[] = []
  #staleSince: string | undefined
  #lastRejection: { readonly content: unknown; readonly error: ProxyError } | undefined
  #outageSince: number | undefined
  #recovery: NodeJS.Timeout | undefined
  /** The first error of the provider since the start: a refusal or an outage. It explains why a proxy does not become ready. */
  firstCause: Error | undefined

  constructor(provider: Provider, listener: SupervisionListener) {
    this.provider = provider
    this.digest = new LiveDigest(provider.name)
    this.#listener = listener
  }

  get name(): string {
    return this.provider.name
  }

  get state(): ProviderState {
    const state = this.#outageSince !== undefined ? 'unavailable' : this.live ? 'live' : 'pending'
    return {
      provider: this.name,
      state,
      ...this.#labels,
      ...(this.#staleSince !== undefined && { staleSince: this.#staleSince }),
      ...(this.live && { ageMs: performance.now() - this.#liveSince }),
      ...(this.#droppedGuards.length > 0 && { droppedGuards: this.#droppedGuards }),
    }
  }

  /**
   * Delays a document, so that two documents of the provider are at least `throttleMs` apart. A newer document ends the delay.
   */
  async throttle({ superseded: { signal } }: PendingDelivery): Promise<void> {
    const waitMs = this.#lastTaken + (this.provider.throttleMs ?? 0) - performance.now()
    // Without a wait, the time is set at once: a second document in the same turn must see it.
    if (waitMs > 0) await pause(waitMs, signal)
    if (!signal.aborted) this.#lastTaken = performance.now()
  }

  /**
   * Records the configuration of the provider that went live.
   *
   * @param droppedGuards paths of guards (fields that keep requests out) that were left out of the configuration
   */
  wentLive(source: DigestSource, droppedGuards: readonly string[]): void {
    this.live = source.config
    this.#labels = source.labels
    this.#droppedGuards = droppedGuards
    this.#liveSince = performance.now()
    this.digest.of(source)
  }

  /**
   * Records that the newest delivery is live. Either it was swapped in, or it equals the configuration that was live before.
   *
   * @param source the configuration, and the document that it comes from. The document may be another one than before, though
   *   the configuration is the same.
   * @param keptSince when the document was saved, if it comes from the cache of last good configurations
   */
  accepted(source: DigestSource, keptSince: string | undefined): void {
    this.digest.of(source)
    this.#staleSince = keptSince
    this.#lastRejection = undefined
    this.awaitsOthers = undefined
  }

  /**
   * Reports that a document was refused. If the same content is refused again, that is not reported until a configuration of this
   * provider has gone live.
   *
   * @param content the refused document, or other values that identify the refusal
   */
  reject(error: ProxyError, version: string | undefined, content: unknown): void {
    this.firstCause ??= error
    if (this.#lastRejection && isSame(this.#lastRejection, { content, error })) return
    this.#lastRejection = { content, error }
    this.#listener.rejected({
      provider: this.name,
      ...(version !== undefined && { version: shortened(version) }),
      error,
    })
  }

  /** Reports an outage of the provider's source, with its first error. Further errors during the outage are not reported. */
  unavailable(error: Error): void {
    this.#clearRecovery()
    if (this.#outageSince !== undefined) return
    this.firstCause ??= error
    this.#outageSince = performance.now()
    this.#listener.unavailable({ provider: this.name, error })
  }

  /**
   * Records that the provider's source can be reached again. After `HEALTHY_MS` without another failure, reports that the outage
   * is over.
   */
  recovered(): void {
    const since = this.#outageSince
    if (since === undefined || this.#recovery !== undefined) return
    const answersSince = performance.now()
    this.#recovery = setTimeout(() => {
      const downMs = answersSince - since
      this.#outageSince = undefined
      this.#clearRecovery()
      this.#listener.recovered({ provider: this.name, downMs })
    }, HEALTHY_MS)
    this.#recovery.unref()
  }

  /** Aborts the pending delivery. If the end of an outage was about to be reported, cancels that report. */
  stop(): void {
    this.pending?.superseded.abort()
    this.pending = undefined
    this.awaitsOthers = undefined
    this.#clearRecovery()
  }

  #clearRecovery(): void {
    clearTimeout(this.#recovery)
    this.#recovery = undefined
  }
}

/**
 * Returns whether two refusals have equal content. Content that is nested too deep or has a throwing getter cannot be compared,
 * so the messages of the errors are compared instead.
 */
function isSame(
  one: { readonly content: unknown; readonly error: ProxyError },
  other: { readonly content: unknown; readonly error: ProxyError },
): boolean {
  try {
    return isDeepStrictEqual(one.content, other.content)
  } catch {
    return one.error.message === other.error.message
  }
}

/**
 * Shortens the version label of a refused document for the event `configRejected`. The label is unchecked, and may itself be the
 * reason for the refusal.
 */
function shortened(version: string): string {
  return version.length > MAX_VERSION ? `${version.slice(0, MAX_VERSION)}...` : version
}

/** The longest version label in an event, in characters. A longer one is cut. */
const MAX_VERSION = 1_024
