import { isDeepStrictEqual } from 'node:util'
import { pause } from '../base/timing.js'
import type { ProxyError } from '../model/errors.js'
import type { ConfigRejected, ProviderRecovered, ProviderUnavailable } from '../model/events.js'
import type { MergedConfig } from '../model/merge-configs.js'
import type { DeliveryNotes, Provider } from '../model/provider.js'

/** A source that answers again must do so this long before its outage counts as over, so that a flapping link is one outage. */
const HEALTHY_MS = 2_000

/** How a provider stands. */
export interface ProviderState {
  readonly provider: string
  /** `pending`: nothing of it is live yet. `unavailable`: its source cannot be reached; what is live stays so. */
  readonly state: 'pending' | 'live' | 'unavailable'
  /** Of what is live. */
  readonly version?: string
  /** Since what is live went live, in milliseconds. */
  readonly ageMs?: number
  /** What is live was kept from an earlier run, since this time (ISO 8601): the source has delivered nothing yet. */
  readonly staleSince?: string
  /** Of what is live, the paths of fields that guard and were left out, because `unsupportedFields.warn` names them. */
  readonly droppedGuards?: readonly string[]
}

/** Whom a supervised provider tells of itself. */
export interface SupervisionListener {
  rejected(event: ConfigRejected): void
  unavailable(event: ProviderUnavailable): void
  recovered(event: ProviderRecovered): void
}

/** A document on its way to being live. */
export interface PendingDelivery {
  readonly document: unknown
  readonly about: DeliveryNotes
  /** When it was kept, for one that comes from the cache. */
  readonly keptSince?: string
  /** Aborted when a newer document of the same provider comes, or at the end. */
  readonly superseded: AbortController
}

/** One provider with all that is known of it: what it delivered last, its last good configuration, its outages. */
export class SupervisedProvider {
  readonly provider: Provider
  readonly #tell: SupervisionListener
  #lastTaken = Number.NEGATIVE_INFINITY
  /** The newest delivery that is not decided yet. */
  pending: PendingDelivery | undefined
  /** The last good configuration, under full names. */
  live: MergedConfig | undefined
  /** Refused only because it names another provider's backend that is not there (yet). */
  awaitsOthers: PendingDelivery | undefined
  #version: string | undefined
  #liveSince = 0
  #droppedGuards: readonly string[] = []
  #staleSince: string | undefined
  #lastRejection: { readonly content: unknown; readonly error: ProxyError } | undefined
  #outageSince: number | undefined
  #answersSince: number | undefined
  #recovery: NodeJS.Timeout | undefined
  /** Why nothing went live, as first told. */
  firstCause: Error | undefined

  constructor(provider: Provider, listener: SupervisionListener) {
    this.provider = provider
    this.#tell = listener
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

  /** Waits until another document may be taken, or a newer one has come. */
  async throttle({ superseded: { signal } }: PendingDelivery): Promise<void> {
    const waitMs = this.#lastTaken + (this.provider.throttleMs ?? 0) - performance.now()
    await pause(waitMs, signal)
    if (!signal.aborted) this.#lastTaken = performance.now()
  }

  /** @param droppedGuards paths of fields that guard and are not in the configuration */
  wentLive(config: MergedConfig, version: string | undefined, droppedGuards: readonly string[] = []): void {
    this.live = config
    this.#droppedGuards = droppedGuards
    this.#version = version
    this.#liveSince = performance.now()
  }

  /**
   * The newest delivery is what serves, whether it had to be swapped in or was equal to what did.
   *
   * @param keptSince for one from the cache
   */
  accepted(keptSince: string | undefined): void {
    this.#staleSince = keptSince
    this.#lastRejection = undefined
    this.awaitsOthers = undefined
  }

  /**
   * Tells of a refusal, once per distinct content.
   *
   * @param content what was refused: equal content is told once, until something went live in between
   */
  reject(error: ProxyError, version: string | undefined, content: unknown): void {
    this.firstCause ??= error
    if (this.#lastRejection && isSame(this.#lastRejection, { content, error })) return
    this.#lastRejection = { content, error }
    this.#tell.rejected({
      provider: this.name,
      ...(version !== undefined && { version: cut(version) }),
      error,
    })
  }

  /** Tells of an outage, once, with its first cause. */
  unavailable(error: Error): void {
    this.#clearRecovery()
    if (this.#outageSince !== undefined) return
    this.firstCause ??= error
    this.#outageSince = performance.now()
    this.#tell.unavailable({ provider: this.name, error })
  }

  /** The source answers again: the outage is over if that lasts. */
  recovered(): void {
    const since = this.#outageSince
    if (since === undefined || this.#recovery !== undefined) return
    this.#answersSince = performance.now()
    this.#recovery = setTimeout(() => {
      const downMs = (this.#answersSince ?? performance.now()) - since
      this.#outageSince = undefined
      this.#clearRecovery()
      this.#tell.recovered({ provider: this.name, downMs })
    }, HEALTHY_MS)
    this.#recovery.unref()
  }

  /** Forgets what is under way. */
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

/** Content may be anything, also what cannot be compared: too deep, or with a getter that throws. Its error can. */
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

/** The label of what was refused may be why: nobody has checked it. */
function cut(version: string): string {
  return version.length > MAX_VERSION ? `${version.slice(0, MAX_VERSION)}...` : version
}

const MAX_VERSION = 1_024
