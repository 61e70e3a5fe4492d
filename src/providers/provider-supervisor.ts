import { MAX_TIMER_MS } from '../base/known-options.js'
import { runInSlices } from '../base/run-steps.js'
import { STOP_LIMIT_MS, settledWithin } from '../base/timing.js'
import type { ProviderConfig } from '../model/config.js'
import { droppedGuardsIn } from '../model/dropped-guards.js'
import { asError, configInvalid, type Issue, ProxyError } from '../model/errors.js'
import { type ApplyMerged, type MergedConfig, mergeConfigs, qualifyConfig } from '../model/merge-configs.js'
import type { ConfigCache, ConfigSink, Delivery, DeliveryNotes, Provider } from '../model/provider.js'
import type { ValidateOptions } from '../validation/document-checker.js'
import { withDroppedGuards } from '../validation/keep-dropped-guards.js'
import { validateConfigSteps } from '../validation/validate-config.js'
import { ColdStart, type ColdStartHost } from './cold-start.js'
import {
  type PendingDelivery,
  type ProviderState,
  SupervisedProvider,
  type SupervisionListener,
} from './supervised-provider.js'

/**
 * Runs providers safely: each is started once and stopped once; of several deliveries of one the newest wins; each is
 * validated alone and its last good one kept apart, so that no provider's mistake touches another's configuration.
 */
export class ProviderSupervisor {
  readonly #providers: readonly SupervisedProvider[]
  readonly #apply: ApplyMerged
  readonly #validation: ValidateOptions
  readonly #coldStart: ColdStart | undefined
  /** Those who wait to be ready. */
  readonly #waiting = new Set<(error?: ProxyError) => void>()
  /** Deliveries are decided one after another: each merge must see what the one before it made live. */
  #queue: Promise<unknown> = Promise.resolve()
  #started: Promise<void> | undefined
  #stopped: Promise<void> | undefined

  /** @throws ProxyError `PROXY_OPTION_INVALID` if a provider's name is unusable or not its alone */
  constructor(
    providers: readonly Provider[],
    apply: ApplyMerged,
    listener: SupervisionListener,
    validation: ValidateOptions = {},
    cache?: ConfigCache,
  ) {
    checkNames(providers)
    this.#providers = providers.map((provider) => new SupervisedProvider(provider, listener))
    this.#apply = apply
    this.#validation = validation
    this.#coldStart = cache && new ColdStart(cache, this.#coldStartHost(listener))
  }

  /** Starts every provider; a second call does nothing. Resolves when all have begun, whatever became of it. */
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

  /** Stops every provider and forgets what is under way; what is live stays so. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stopAll()
    return this.#stopped
  }

  async #stopAll(): Promise<void> {
    for (const settle of this.#waiting) settle(new ProxyError('PROXY_CLOSED'))
    for (const entry of this.#providers) entry.stop()
    const stopping = this.#providers.map(async ({ provider }) => provider.stop())
    if (this.#coldStart) stopping.push(this.#coldStart.stop())
    await settledWithin(Promise.allSettled(stopping), STOP_LIMIT_MS)
  }

  /** How each provider stands. */
  get states(): readonly ProviderState[] {
    return this.#providers.map(({ state }) => state)
  }

  /**
   * Resolves when every provider's first configuration is live.
   *
   * @throws ProxyError `PROXY_NOT_READY` at the limit, naming each missing provider and its first cause
   */
  async ready(timeoutMs: number): Promise<void> {
    if (this.#stopped) throw new ProxyError('PROXY_CLOSED')
    if (this.#allLive()) return
    await new Promise<void>((resolve, reject) => {
      const settle = (error?: ProxyError) => {
        clearTimeout(timer)
        this.#waiting.delete(settle)
        if (error) reject(error)
        else resolve()
      }
      const timer = setTimeout(() => settle(this.#notReady(timeoutMs)), Math.min(timeoutMs, MAX_TIMER_MS))
      this.#waiting.add(settle)
    })
  }

  #allLive(): boolean {
    return this.#providers.every(({ live }) => live !== undefined)
  }

  #notReady(timeoutMs: number): ProxyError {
    const missing = this.#providers.filter(({ live }) => live === undefined)
    const reasons = missing.map(
      ({ name, firstCause }) => `${name}: ${firstCause?.message ?? 'delivered nothing yet'}`,
    )
    const message = `not ready after ${timeoutMs} ms: ${reasons.join('; ')}`
    return new ProxyError('PROXY_NOT_READY', message, {
      cause: missing.find(({ firstCause }) => firstCause)?.firstCause,
    })
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
    const late = () => this.#stopped !== undefined
    return {
      update: (config, about = {}) => this.#deliver(entry, config, about),
      reject: (given, about) => {
        if (late()) return
        const error = given instanceof ProxyError ? given : unreadable(given)
        entry.reject(error, about?.version, [error.code, error.message, error.issues, about?.version])
      },
      // By a provider of the host's it may be anything.
      unavailable: (given) => {
        if (!late()) entry.unavailable(asError(given))
      },
      recovered: () => {
        if (!late()) entry.recovered()
      },
    }
  }

  /** deliver: the newest document of a provider takes the place of the one before, wherever that has got to. */
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

  /** Waits for its provider's throttle outside the queue, so that the others' documents pass it. */
  async #decideInTurn(entry: SupervisedProvider, delivery: PendingDelivery): Promise<Delivery> {
    await entry.throttle(delivery)
    const decided = this.#queue.then(() => this.#decide(entry, delivery))
    this.#queue = decided
    return decided
  }

  /** Never rejects. */
  async #decide(entry: SupervisedProvider, delivery: PendingDelivery): Promise<Delivery> {
    try {
      const generation = await this.#makeLive(entry, delivery)
      this.#afterSwitch(entry)
      return { state: 'live', generation }
    } catch (thrown) {
      if (delivery.superseded.signal.aborted) return { state: 'superseded' }
      const error = thrown instanceof ProxyError ? thrown : unreadable(thrown)
      entry.reject(error, versionOf(delivery.document), delivery.document)
      return { state: 'refused', issues: error.issues }
    } finally {
      if (entry.pending === delivery) entry.pending = undefined
    }
  }

  /** validate, merge, then whatever `apply` does: compile, swap, tell. */
  async #makeLive(entry: SupervisedProvider, delivery: PendingDelivery): Promise<number> {
    const { provider, name } = entry
    const { signal } = delivery.superseded
    signal.throwIfAborted()

    // validate
    const validateStart = performance.now()
    const checked = await runInSlices(validateConfigSteps(delivery.document, this.#validation), signal)
    if (!checked.ok) throw configInvalid(checked.issues)
    if (!provider.allowEmpty && Object.keys(checked.config.frontends).length === 0)
      throw configInvalid([NO_FRONTENDS])

    // merge
    const mergeStart = performance.now()
    const own = await runInSlices(qualifyConfig(checked.config, name, entry.live), signal)
    const { merged, issues } = await runInSlices(mergeConfigs(this.#withOthers(entry, own)), signal)
    if (issues.length > 0) {
      entry.awaitsOthers = delivery
      throw configInvalid(issues)
    }

    const { version } = checked.config
    const dropped = droppedGuardsIn(checked.warnings)
    const kept = await runInSlices(withDroppedGuards(checked.config, dropped, delivery.document), signal)
    const validate = mergeStart - validateStart
    const { generation } = await this.#apply(
      merged,
      {
        provider: name,
        version,
        verified: delivery.about.verified ?? true,
        steps: { ...delivery.about.steps, validate, merge: performance.now() - mergeStart },
        warnings: [...(delivery.about.warnings ?? []), ...checked.warnings],
        partial: this.#providers.some((other) => other !== entry && other.live === undefined),
      },
      signal,
      () => entry.wentLive(own, version, dropped),
    )
    entry.accepted(delivery.keptSince)
    if (delivery.keptSince === undefined) this.#coldStart?.keep(name, kept)
    return generation
  }

  #withOthers(entry: SupervisedProvider, own: MergedConfig): MergedConfig[] {
    const all = this.#providers.map((other) => (other === entry ? own : other.live))
    return all.filter((config) => config !== undefined)
  }

  #afterSwitch(entry: SupervisedProvider): void {
    if (this.#allLive()) for (const settle of this.#waiting) settle()
    for (const other of this.#providers) {
      const { awaitsOthers } = other
      // What only lacked another's backend may be complete now.
      if (other !== entry && awaitsOthers && !other.pending) {
        const { document, about, keptSince } = awaitsOthers
        void this.#deliver(other, document as ProviderConfig, about, keptSince)
      }
    }
  }
}

const NO_FRONTENDS: Issue = {
  path: 'frontends',
  code: 'EMPTY',
  message: 'the document has no frontends; expected at least one, or allowEmpty on its provider',
}

/** A document may be anything, and its getters may throw anything: no error there must hold up the deliveries after it. */
function unreadable(thrown: unknown): ProxyError {
  const message = thrown instanceof Error ? asError(thrown).message : 'the document cannot be read'
  return new ProxyError('PROXY_INTERNAL', message, { cause: thrown })
}

function versionOf(document: unknown): string | undefined {
  try {
    const { version } = document as { version?: unknown }
    return typeof version === 'string' ? version : undefined
  } catch {
    return undefined
  }
}

function checkNames(providers: readonly Provider[]): void {
  const seen = new Set<string>()
  for (const { name } of providers) {
    if (typeof name !== 'string' || name === '' || name.includes('@')) {
      const message = `expected a provider's name without "@", found ${JSON.stringify(name)}`
      throw new ProxyError('PROXY_OPTION_INVALID', message)
    }
    if (seen.has(name)) {
      const message = `two providers are named ${JSON.stringify(name)}; give one of them another name`
      throw new ProxyError('PROXY_OPTION_INVALID', message)
    }
    seen.add(name)
  }
}
