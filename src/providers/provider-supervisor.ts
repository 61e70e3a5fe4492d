import { present } from '../base/records.js'
import { runInSlices } from '../base/run-steps.js'
import { STOP_LIMIT_MS, settledWithin } from '../base/timing.js'
import type { ProviderConfig } from '../model/config.js'
import { asError, configInvalid, ProxyError } from '../model/errors.js'
import { type ApplyMerged, type MergedConfig, mergeConfigs, qualifyConfig } from '../model/merge-configs.js'
import type { ConfigCache, ConfigSink, Delivery, DeliveryNotes, Provider } from '../model/provider.js'
import { type DocumentOptions, filterSteps } from '../validation/document-filter.js'
import { checkProviderNames } from './check-provider-names.js'
import { checkedDelivery } from './checked-delivery.js'
import { ColdStart, type ColdStartHost } from './cold-start.js'
import { digestOf, type ServedDigest } from './live-digest.js'
import { Readiness } from './readiness.js'
import {
  type PendingDelivery,
  type ProviderState,
  SupervisedProvider,
  type SupervisionListener,
} from './supervised-provider.js'
import { unreadableDocument, versionOf } from './unreadable-document.js'

/**
 * Starts and stops the providers of a proxy, and makes the configurations that they deliver live. A newer document of a provider
 * replaces an older one that is not live yet.
 *
 * Each document is validated alone, and each provider's last good configuration is kept separately. One provider's mistake
 * therefore never changes another provider's configuration.
 */
export class ProviderSupervisor {
  readonly #providers: readonly SupervisedProvider[]
  readonly #apply: ApplyMerged
  readonly #options: DocumentOptions
  readonly #coldStart: ColdStart | undefined
  readonly #readiness: Readiness
  /** A promise chain that handles one delivery after another. Each merge needs what the delivery before has made live. */
  #queue: Promise<unknown> = Promise.resolve()
  #started: Promise<void> | undefined
  #stopped: Promise<void> | undefined

  /**
   * Makes a supervisor of providers. @throws ProxyError `PROXY_OPTION_INVALID` if a name is empty, contains `@`, or occurs twice
   */
  constructor(
    providers: readonly Provider[],
    apply: ApplyMerged,
    listener: SupervisionListener,
    options: DocumentOptions = {},
    cache?: ConfigCache,
  ) {
    checkProviderNames(providers)
    this.#providers = providers.map((provider) => new SupervisedProvider(provider, listener))
    this.#readiness = new Readiness(this.#providers)
    this.#apply = apply
    this.#options = options
    this.#coldStart = cache && new ColdStart(cache, this.#coldStartHost(listener))
  }

  /** Starts every provider, once. The promise resolves when the `start` of each provider has ended, even with an error. */
  start(): Promise<void> {
    if (!this.#started) this.#coldStart?.start()
    this.#started ??= Promise.all(this.#providers.map((entry) => this.#startOne(entry))).then(() => {})
    return this.#started
  }

  async #startOne(entry: SupervisedProvider): Promise<void> {
    try {
      await entry.provider.start(this.#sinkOf(entry))
    } catch (thrown) {
      if (!this.#stopped) entry.unavailable(asError(thrown))
    }
  }

  /** Stops every provider and drops the deliveries in progress. The live configuration stays live. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stopAll()
    return this.#stopped
  }

  async #stopAll(): Promise<void> {
    this.#readiness.close()
    for (const entry of this.#providers) entry.stop()
    const stopping = this.#providers.map(async ({ provider }) => provider.stop())
    if (this.#coldStart) stopping.push(this.#coldStart.stop())
    await settledWithin(Promise.allSettled(stopping), STOP_LIMIT_MS)
  }

  /** The state of each provider. */
  get states(): readonly ProviderState[] {
    return this.#providers.map(({ state }) => state)
  }

  /** Computes the digests of a provider's live document. @throws as `digestOf` does */
  readonly digest = (name: string): Promise<ServedDigest> => digestOf(this.#providers, name)

  /**
   * Waits until every provider has a live configuration.
   *
   * @throws ProxyError `PROXY_NOT_READY` after `timeoutMs`, with each missing provider and the first error that it reported
   * @throws ProxyError `PROXY_CLOSED` if the supervisor stops
   */
  ready(timeoutMs: number): Promise<void> {
    return this.#readiness.wait(timeoutMs)
  }

  #coldStartHost(listener: SupervisionListener): ColdStartHost {
    const entryOf = (name: string) => this.#providers.find((entry) => entry.name === name)
    const missing = () => this.#providers.filter(({ live, pending }) => !live && !pending)
    return {
      missing: () => missing().map(({ name }) => name),
      deliver: (name, { document, savedAt }) => {
        const entry = entryOf(name)
        if (entry) void this.#deliver(entry, document, { verified: false }, savedAt)
      },
      rejected: (name, error) => entryOf(name)?.reject(error, undefined, error.message),
      failed: (provider, error) => listener.unavailable({ provider, error }),
    }
  }

  #sinkOf(entry: SupervisedProvider): ConfigSink {
    const isStopped = () => this.#stopped !== undefined
    return {
      update: (config, about = {}) => this.#deliver(entry, config, about),
      reject: (given, about) => {
        if (isStopped()) return
        const error = given instanceof ProxyError ? given : unreadableDocument(given)
        entry.reject(error, about?.version, [error.code, error.message, error.issues, about?.version])
      },
      // Makes an `Error` of what was passed: a provider that the application wrote in JavaScript may pass anything.
      unavailable: (given) => {
        if (!isStopped()) entry.unavailable(asError(given))
      },
      recovered: () => {
        if (!isStopped()) entry.recovered()
      },
    }
  }

  /** deliver: takes a document of a provider. Aborts the provider's older delivery, even while its document is compiled. */
  #deliver(
    entry: SupervisedProvider,
    document: ProviderConfig,
    about: DeliveryNotes,
    keptSince?: string,
  ): Promise<Delivery> {
    if (this.#stopped) return Promise.resolve({ state: 'superseded' })
    entry.pending?.superseded.abort(new ProxyError('PROXY_CONFIG_SUPERSEDED'))
    entry.awaitsOthers = undefined
    const kept = keptSince === undefined ? {} : { keptSince }
    const delivery: PendingDelivery = { document, about, ...kept, superseded: new AbortController() }
    entry.pending = delivery
    return this.#decideInTurn(entry, delivery)
  }

  /** Waits for the provider's `throttleMs`, then queues the delivery. Meanwhile, documents of other providers can pass it. */
  async #decideInTurn(entry: SupervisedProvider, delivery: PendingDelivery): Promise<Delivery> {
    await entry.throttle(delivery)
    const decided = this.#queue.then(() => this.#decide(entry, delivery))
    this.#queue = decided
    return decided
  }

  /** Makes the delivered document live, or refuses it. The promise never rejects, because that would block the queue. */
  async #decide(entry: SupervisedProvider, delivery: PendingDelivery): Promise<Delivery> {
    try {
      const generation = await this.#makeLive(entry, delivery)
      this.#afterSwitch(entry)
      return { state: 'live', generation }
    } catch (thrown) {
      if (delivery.superseded.signal.aborted) return { state: 'superseded' }
      const error = thrown instanceof ProxyError ? thrown : unreadableDocument(thrown)
      // A filter may refuse the same document for another reason later. So the message counts too.
      entry.reject(error, versionOf(delivery.document), [delivery.document, error.message])
      return { state: 'refused', issues: error.issues }
    } finally {
      if (entry.pending === delivery) entry.pending = undefined
    }
  }

  /** Validates the delivered document and merges it with the live ones of other providers. `#apply` makes the result live. */
  async #makeLive(entry: SupervisedProvider, delivery: PendingDelivery): Promise<number> {
    const { provider, name } = entry
    const { signal } = delivery.superseded
    signal.throwIfAborted()

    // Next step of docs/life-of-a-config.md:
    // filter
    const { documentFilter: filter } = this.#options
    const filterStart = performance.now()
    // A document that is a promise must not be awaited, so it passes no async function: validation refuses it.
    let filtered = delivery.document
    if (filter) filtered = await runInSlices(filterSteps(filtered, name, filter), signal)

    // Next step of docs/life-of-a-config.md:
    // validate
    const validateStart = performance.now()
    const checking = checkedDelivery(delivery.document, filtered, provider, this.#options)
    const { config, warnings, ...checked } = await runInSlices(checking, signal)

    // Next step of docs/life-of-a-config.md:
    // merge
    const mergeStart = performance.now()
    const own = await runInSlices(qualifyConfig(config, name, entry.live), signal)
    const { merged, issues } = await runInSlices(mergeConfigs(this.#withOthers(entry, own)), signal)
    if (issues.length > 0) {
      entry.awaitsOthers = delivery
      throw configInvalid(issues)
    }

    const labels = present({ version: config.version, metadata: config.metadata })
    const read = { config: own, labels, delivered: checked.delivered }
    const { generation } = await this.#apply(
      merged,
      {
        ...{ provider: name, ...labels },
        verified: delivery.about.verified ?? true,
        steps: {
          ...delivery.about.steps,
          ...(filter && { filter: validateStart - filterStart }),
          validate: mergeStart - validateStart,
          merge: performance.now() - mergeStart,
        },
        warnings: [...(delivery.about.warnings ?? []), ...warnings],
        partial: this.#providers.some((other) => other !== entry && other.live === undefined),
      },
      signal,
      () => entry.wentLive(read, checked.droppedGuards),
    )
    entry.accepted(read, delivery.keptSince)
    if (delivery.keptSince === undefined) this.#coldStart?.keep(name, checked.kept)
    return generation
  }

  #withOthers(entry: SupervisedProvider, own: MergedConfig): MergedConfig[] {
    const all = this.#providers.map((other) => (other === entry ? own : other.live))
    return all.filter((config) => config !== undefined)
  }

  #afterSwitch(entry: SupervisedProvider): void {
    this.#readiness.onSwitch()
    for (const other of this.#providers) {
      const { awaitsOthers } = other
      // Delivers a refused document again if it only lacked a backend of another provider, which may exist now.
      if (other !== entry && awaitsOthers && !other.pending) {
        const { document, about, keptSince } = awaitsOthers
        void this.#deliver(other, document as ProviderConfig, about, keptSince)
      }
    }
  }
}
