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
import { NewestFirst } from './newest-first.js'
import { type CompileTools, compileSnapshot, type GivenSnapshot, type Snapshot } from './snapshot.js'

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
  readonly #turns = new NewestFirst()
  #snapshot: Snapshot | undefined

  /** Starts without a configuration. @throws ProxyError `PROXY_OPTION_INVALID` if the option `unsupportedFields` is wrong */
  constructor(tools: Omit<CompileTools, 'addresses'>, validation: DocumentOptions, events: ProxyEmitter) {
    checkUnsupportedFields(validation.unsupportedFields ?? 'refuse')
    const { networks } = tools.upstreams.options
    this.#dns = new StrictDns(networks.addressesOf, () => void this.#readdress())
    this.#tools = { ...tools, addresses: this.#dns }
    this.#validation = validation
    this.#events = events
  }

  /** The compiled configuration that is live now, or `undefined` before the first one. */
  get snapshot(): Snapshot | undefined {
    return this.#snapshot
  }

  /** Validates one document and makes it the whole live configuration, without the documents of other providers. */
  apply(config: ProviderConfig, about: ApplyNotes): Promise<{ generation: number }> {
    return this.#turns.run(superseded(), async (signal) => {
      const { documentFilter: filter } = this.#validation
      let document: unknown = config
      if (filter) document = await runInSlices(filterSteps(document, about.provider, filter), signal)
      const checked = await runInSlices(validateConfigSteps(document, this.#validation), signal)
      if (!checked.ok) throw configInvalid(checked.issues)
      const before = this.#snapshot?.config
      const qualified = await runInSlices(qualifyConfig(checked.config, about.provider, before), signal)
      const { merged, issues } = await runInSlices(mergeConfigs([qualified]), signal)
      if (issues.length > 0) throw configInvalid(issues)
      const notes = { ...labelsOf(checked.config), warnings: checked.warnings, ...about }
      return this.#compileSwapTell(merged, notes, signal)
    })
  }

  /** Makes a configuration live that is validated and merged already. The caller is the supervisor, which runs the providers. */
  readonly applyMerged: ApplyMerged = (config, about, cancel, onSwapped) =>
    this.#turns.run(superseded(), (signal) =>
      this.#compileSwapTell(config, about, AbortSignal.any([signal, cancel]), onSwapped),
    )

  /** Stops the health checks and DNS lookups of the live configuration. After this, no other configuration can become live. */
  close(): void {
    this.#turns.close(new ProxyError('PROXY_CLOSED'))
    this.#dns.follow(new Map())
    this.#snapshot?.end()
  }

  /**
   * Compiles a configuration and makes it live, as docs/life-of-a-config.md describes. A configuration equal to the live one
   * causes no event.
   */
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
    const snapshot = await this.#compile({ generation, config, partial: about.partial ?? false }, signal)

    // swap
    // The second step: makes the new snapshot live in place of the previous one.
    const swapStart = performance.now()
    this.#swap(snapshot, signal)
    const labels = labelsOf(about)
    this.#labels.set(about.provider, labels)
    onSwapped?.()

    // tell
    // The third step: warns of missing guards, and emits the event `configChanged`.
    const { provider, verified = true, warnings = [] } = about
    this.#guards.tell(provider, warnings)
    const steps = { ...about.steps, compile: swapStart - compileStart, swap: performance.now() - swapStart }
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

  #compile(given: GivenSnapshot, signal: AbortSignal): Promise<Snapshot> {
    return runInSlices(compileSnapshot(given, this.#snapshot, this.#tools), signal)
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

  /** Compiles the live configuration again with the addresses that DNS gives now, unless it has them. */
  async #readdress(): Promise<void> {
    try {
      await this.#turns.behind(async (signal) => {
        const serving = this.#snapshot
        if (!serving || serving.hasAddresses(this.#dns)) return
        this.#swap(await this.#compile(serving, signal), signal)
      })
    } catch (error) {
      const { code } = error as Partial<ProxyError>
      // A newer configuration was to be compiled. It may have been refused, and then the live one still needs the addresses.
      if (code === 'PROXY_CONFIG_SUPERSEDED') return this.#readdress()
      if (code !== 'PROXY_CLOSED')
        process.emitWarning(`the new addresses of servers are not used: ${error}`, 'SwitchoverWarning')
    }
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

/** Returns the reason why the work for an older configuration is given up. */
function superseded(): ProxyError {
  return new ProxyError('PROXY_CONFIG_SUPERSEDED')
}
