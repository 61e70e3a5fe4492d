import { isDeepStrictEqual } from 'node:util'
import { pause } from '../base/timing.js'
import type { ProxyError } from '../model/errors.js'
import type { ConfigRejected, ProviderRecovered, ProviderUnavailable } from '../model/events.js'
import type { MergedConfig } from '../model/merge-configs.js'
import type { DeliveryNotes, Provider } from '../model/provider.js'

/** Milliseconds that a source must answer before its outage is over. A link that flaps then counts as one outage. */
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
   * `pending` until its first configuration is live, then `live`. `unavailable`
   * while its source cannot be reached. The live configuration then keeps serving.
   */
  readonly state: 'pending' | 'live' | 'unavailable'
  /** The version of the live configuration. */
  readonly version?: string
  /** Milliseconds since the live configuration went live. */
  readonly ageMs?: number
  /**
   * Present if the live configuration comes from the last good file: the time when
   * it was saved (ISO 8601). The source has delivered nothing since the start.
   */
  readonly staleSince?: string
  /** Paths of guarding fields that were left out of the live configuration, because `unsupportedFields.warn` names them. */
  readonly droppedGuards?: readonly string[]
}

/** Receives what a supervised provider reports. */
export interface SupervisionListener {
  /** A document was refused. */
  rejected(event: ConfigRejected): void
  /** The provider's source cannot be reached. */
  unavailable(event: ProviderUnavailable): void
  /** The outage of the provider's source has ended. */
  recovered(event: ProviderRecovered): void
}

/** A document that was delivered and is not live yet. */
export interface PendingDelivery {
  readonly document: unknown
  readonly about: DeliveryNotes
  /** For a document from the cache: the time when it was saved (ISO 8601). */
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
  /** The last good configuration, with full names such as `web@file`. */
  live: MergedConfig | undefined
  /** A delivery that was refused only because it names a backend of another provider that does not exist yet. */
  awaitsOthers: PendingDelivery | undefined
  #version: string | undefined
  #liveSince = 0
  #droppedGuards: readonly string[] = []
  #staleSince: string | undefined
  #lastRejection: { readonly content: unknown; readonly error: ProxyError } | undefined
  #outageSince: number | undefined
  #answersSince: number | undefined
  #recovery: NodeJS.Timeout | undefined
  /** The first error since the start. It explains a proxy that does not become ready. */
  firstCause: Error | undefined

  constructor(provider: Provider, listener: SupervisionListener) {
    this.provider = provider
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
      ...(this.#version !== undefined && { version: this.#version }),
      ...(this.#staleSince !== undefined && { staleSince: this.#staleSince }),
      ...(this.live && { ageMs: performance.now() - this.#liveSince }),
      ...(this.#droppedGuards.length > 0 && { droppedGuards: this.#droppedGuards }),
    }
  }

  /** Waits until the provider's `throttleMs` since its last accepted document is over. A newer document ends the wait. */
  async throttle({ superseded: { signal } }: PendingDelivery): Promise<void> {
    const waitMs = this.#lastTaken + (this.provider.throttleMs ?? 0) - performance.now()
    await pause(waitMs, signal)
    if (!signal.aborted) this.#lastTaken = performance.now()
  }

  /**
   * Records the configuration that went live.
   *
   * @param droppedGuards paths of guarding fields that were left out of the configuration
   */
  wentLive(config: MergedConfig, version: string | undefined, droppedGuards: readonly string[] = []): void {
    this.live = config
    this.#droppedGuards = droppedGuards
    this.#version = version
    this.#liveSince = performance.now()
  }

  /**
   * Records that the newest delivery serves. Either it was swapped in, or it equals the configuration that served already.
   *
   * @param keptSince for a document from the cache: the time when it was saved
   */
  accepted(keptSince: string | undefined): void {
    this.#staleSince = keptSince
    this.#lastRejection = undefined
    this.awaitsOthers = undefined
  }

  /**
   * Reports a refusal. A refusal whose content equals the last refused one
   * is not reported again until a configuration of this provider goes live.
   *
   * @param content what was refused
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

  /** Reports an outage once, with its first cause. */
  unavailable(error: Error): void {
    this.#clearRecovery()
    if (this.#outageSince !== undefined) return
    this.firstCause ??= error
    this.#outageSince = performance.now()
    this.#listener.unavailable({ provider: this.name, error })
  }

  /** Notes that the source answers again. The outage is over once the source has answered for `HEALTHY_MS`. */
  recovered(): void {
    const since = this.#outageSince
    if (since === undefined || this.#recovery !== undefined) return
    this.#answersSince = performance.now()
    this.#recovery = setTimeout(() => {
      const downMs = (this.#answersSince ?? performance.now()) - since
      this.#outageSince = undefined
      this.#clearRecovery()
      this.#listener.recovered({ provider: this.name, downMs })
    }, HEALTHY_MS)
    this.#recovery.unref()
  }

  /** Aborts the pending delivery, and forgets an outage that is about to end. */
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
 * Returns whether two refusals have equal content. Content that is too deep or has a
 * throwing getter cannot be compared, so the messages of the errors are compared instead.
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
 * Shortens the version of a refused document for the event. The
 * version is unchecked and may itself be the reason for the refusal.
 */
function shortened(version: string): string {
  return version.length > MAX_VERSION ? `${version.slice(0, MAX_VERSION)}...` : version
}

/** The longest version in an event, in characters. */
const MAX_VERSION = 1_024
