import { present } from '../base/records.js'
import { runInSlices } from '../base/run-steps.js'
import type { DocumentLabels, ProviderConfig } from '../model/config.js'
import { diffConfigs, isSame } from '../model/diff-configs.js'
import { configInvalid, ProxyError } from '../model/errors.js'
import {
  type ApplyMerged,
  type ApplyNotes,
  type MergedConfig,
  mergeConfigs,
  qualifyConfig,
} from '../model/merge-configs.js'
import { isSameData } from '../model/same-data.js'
import { type DocumentOptions, filterSteps } from '../validation/document-filter.js'
import { checkUnsupportedFields } from '../validation/unsupported-fields.js'
import { validateConfigSteps } from '../validation/validate-config.js'
import { StrictDns } from './backends/strict-dns.js'
import { GuardWarnings } from './events/guard-warnings.js'
import type { ProxyEmitter } from './events/proxy-emitter.js'
import { type CompileTools, compileSnapshot, type Snapshot } from './snapshot.js'

/**
 * Holds the configuration that is live now. Takes each new configuration through its last steps: compile it, make it live, emit
 * `configChanged`.
 */
export class Generations {
  readonly #tools: CompileTools
  readonly #dns: StrictDns
  readonly #validation: DocumentOptions
  readonly #events: ProxyEmitter
  /** What each provider's live document says of itself, by provider name. */
  readonly #labels = new Map<string, DocumentLabels>()
  readonly #guards = new GuardWarnings()
  #snapshot: Snapshot | undefined
  #partial = false
  #applying = new AbortController()
  /** Number of compilations that are running now. */
  #compiling = 0
  /** Number of compilations that have begun since the start. */
  #begun = 0
  /** Whether DNS now gives other addresses for some servers than the live configuration uses. */
  #isStale = false
  #closed = false

  /** Starts without a configuration. @throws ProxyError `PROXY_OPTION_INVALID` if the option `unsupportedFields` is wrong */
  constructor(tools: Omit<CompileTools, 'addresses'>, validation: DocumentOptions, events: ProxyEmitter) {
    checkUnsupportedFields(validation.unsupportedFields ?? 'refuse')
    const { networks } = tools.upstreams.options
    this.#dns = new StrictDns(networks.addressesOf, () => this.#readdress())
    this.#tools = { ...tools, addresses: this.#dns }
    this.#validation = validation
    this.#events = events
  }

  /** The compiled configuration that is live now, or `undefined` before the first one. */
  get snapshot(): Snapshot | undefined {
    return this.#snapshot
  }

  /**
   * Whether some provider has not delivered a configuration yet. If so, a request that no frontend matches gets 503 instead of
   * 404.
   */
  get partial(): boolean {
    return this.#partial
  }

  /** Validates one document and makes it the whole live configuration, without the documents of other providers. */
  async apply(config: ProviderConfig, about: ApplyNotes): Promise<{ generation: number }> {
    const signal = this.#supersede()
    const { documentFilter: filter } = this.#validation
    let document: unknown = config
    if (filter) document = await runInSlices(filterSteps(document, about.provider, filter), signal)
    const checked = await runInSlices(validateConfigSteps(document, this.#validation), signal)
    if (!checked.ok) throw configInvalid(checked.issues)
    const qualified = await runInSlices(
      qualifyConfig(checked.config, about.provider, this.#snapshot?.config),
      signal,
    )
    const { merged, issues } = await runInSlices(mergeConfigs([qualified]), signal)
    if (issues.length > 0) throw configInvalid(issues)
    const notes = { ...labelsOf(checked.config), warnings: checked.warnings, ...about }
    return this.#compileAndSwap(merged, notes, signal)
  }

  /** Makes a configuration live that is validated and merged already. The caller is the supervisor, which runs the providers. */
  readonly applyMerged: ApplyMerged = (config, about, cancel, onSwapped) =>
    this.#compileAndSwap(config, about, AbortSignal.any([this.#supersede(), cancel]), onSwapped)

  /** Stops the health checks and DNS lookups of the live configuration. After this, no other configuration can become live. */
  close(): void {
    this.#closed = true
    this.#dns.follow(new Map())
    this.#snapshot?.end()
    this.#applying.abort(new ProxyError('PROXY_CLOSED'))
  }

  /**
   * Compiles a configuration and makes it live, as docs/life-of-a-config.md describes. A configuration equal to the live one
   * causes no event.
   */
  async #compileAndSwap(
    config: MergedConfig,
    about: ApplyNotes,
    signal: AbortSignal,
    onSwapped?: () => void,
  ): Promise<{ generation: number }> {
    return this.#inTurn(() => this.#compileSwapTell(config, about, signal, onSwapped))
  }

  async #compileSwapTell(
    config: MergedConfig,
    about: ApplyNotes,
    signal: AbortSignal,
    onSwapped?: () => void,
  ): Promise<{ generation: number }> {
    const previous = this.#snapshot
    const compileStart = performance.now()

    // compile
    // The first step: builds a snapshot of the new configuration. A configuration equal to the live one ends here.
    const changes = await runInSlices(diffConfigs(previous?.config, config), signal)
    signal.throwIfAborted()
    if (previous && isSame(changes) && this.#isKnown(about)) return { generation: previous.generation }
    const generation = (previous?.generation ?? 0) + 1
    const snapshot = await this.#compile(generation, config, signal)

    // swap
    // The second step: makes the new snapshot live in place of the previous one.
    const swapStart = performance.now()
    this.#swap(snapshot, signal)
    this.#partial = about.partial ?? false
    this.#labels.set(about.provider, labelsOf(about))
    onSwapped?.()

    // tell
    // The third step: warns of missing guards, and emits the event `configChanged`.
    const { provider, verified = true, warnings = [] } = about
    this.#guards.tell(provider, warnings)
    const steps = { ...about.steps, compile: swapStart - compileStart, swap: performance.now() - swapStart }
    const labels = labelsOf(about)
    this.#events.emit('configChanged', {
      generation,
      provider,
      ...labels,
      verified,
      changes,
      steps,
      warnings,
    })
    return { generation }
  }

  #compile(generation: number, config: MergedConfig, signal: AbortSignal): Promise<Snapshot> {
    return runInSlices(compileSnapshot(generation, config, this.#snapshot, this.#tools), signal)
  }

  /** Makes a compiled configuration live. @throws the reason of `signal` if it was aborted in the meantime */
  #swap(snapshot: Snapshot, signal: AbortSignal): void {
    if (signal.aborted) {
      snapshot.retire()
      throw signal.reason
    }
    const previous = this.#snapshot
    this.#snapshot = snapshot
    snapshot.begin(previous)
    previous?.retire()
    this.#dns.follow(snapshot.followedNames)
  }

  /**
   * Runs a compilation and counts it while it runs. New addresses of servers are not applied before all compilations have ended.
   * Otherwise two compilations could start from the same snapshot, and each would create its own state for the same servers.
   */
  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    this.#begun += 1
    this.#compiling += 1
    try {
      return await work()
    } finally {
      this.#compiling -= 1
      if (this.#isStale) this.#readdress()
    }
  }

  /**
   * Compiles the live configuration again, because DNS now gives other addresses for its servers. If another compilation is
   * running, this one begins after it.
   */
  #readdress(): void {
    const { signal } = this.#applying
    this.#isStale = true
    if (this.#compiling > 0 || this.#closed) return
    void this.#inTurn(async () => {
      const turn = this.#begun
      const serving = this.#snapshot
      this.#isStale = false
      if (!serving) return
      try {
        const snapshot = await this.#compile(serving.generation, serving.config, signal)
        if (turn === this.#begun) return this.#swap(snapshot, signal)
        // Another configuration began to compile in the meantime. It may be refused, and then the live one still needs the new
        // addresses.
        this.#isStale = true
        snapshot.retire()
      } catch (error) {
        this.#isStale = signal.aborted
        if (!signal.aborted)
          process.emitWarning(`the new addresses of servers are not used: ${error}`, 'SwitchoverWarning')
      }
    })
  }

  /**
   * Cancels the configuration that is being compiled, because a newer one has come.
   *
   * @returns the signal of the newer configuration; the next call of this method aborts it
   */
  #supersede(): AbortSignal {
    this.#applying.abort(new ProxyError('PROXY_CONFIG_SUPERSEDED'))
    this.#applying = new AbortController()
    if (this.#closed) this.#applying.abort(new ProxyError('PROXY_CLOSED'))
    return this.#applying.signal
  }

  /**
   * Returns whether the live configuration already has the provider's version and metadata, and lacks the same guards. If not,
   * the proxy emits `configChanged`, even if nothing else has changed.
   */
  #isKnown(about: ApplyNotes): boolean {
    const { provider, warnings } = about
    return (
      isSameData(this.#labels.get(provider), labelsOf(about)) && this.#guards.isServing(provider, warnings)
    )
  }
}

function labelsOf({ version, metadata }: Pick<ApplyNotes, keyof DocumentLabels>): DocumentLabels {
  return present({ version, metadata })
}
