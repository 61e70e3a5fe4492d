import { runInSlices } from '../base/run-steps.js'
import type { ProviderConfig } from '../model/config.js'
import { diffConfigs, isSame } from '../model/diff-configs.js'
import { configInvalid, ProxyError } from '../model/errors.js'
import {
  type ApplyMerged,
  type ApplyNotes,
  type MergedConfig,
  mergeConfigs,
  qualifyConfig,
} from '../model/merge-configs.js'
import type { ValidateOptions } from '../validation/document-checker.js'
import { checkUnsupportedFields } from '../validation/unsupported-fields.js'
import { validateConfigSteps } from '../validation/validate-config.js'
import { StrictDns } from './backends/strict-dns.js'
import { GuardWarnings } from './events/guard-warnings.js'
import type { ProxyEmitter } from './events/proxy-emitter.js'
import { type CompileTools, compileSnapshot, type Snapshot } from './snapshot.js'

/** The snapshot that serves, and the way to the next one: compile, swap, tell. */
export class Generations {
  readonly #tools: CompileTools
  readonly #dns: StrictDns
  readonly #validation: ValidateOptions
  readonly #events: ProxyEmitter
  /** What each provider's newest configuration called itself. */
  readonly #versions = new Map<string, string | undefined>()
  readonly #guards = new GuardWarnings()
  #snapshot: Snapshot | undefined
  #partial = false
  #applying = new AbortController()
  /** How many are between their first look at what serves and their end. */
  #compiling = 0
  /** How many began to be compiled. */
  #begun = 0
  /** Names of servers have other addresses than what serves knows. */
  #isStale = false
  #closed = false

  /** @throws ProxyError `PROXY_OPTION_INVALID` for `unsupportedFields` */
  constructor(tools: Omit<CompileTools, 'addresses'>, validation: ValidateOptions, events: ProxyEmitter) {
    checkUnsupportedFields(validation.unsupportedFields ?? 'refuse')
    const { networks } = tools.upstreams.options
    this.#dns = new StrictDns(networks.addressesOf, () => this.#readdress())
    this.#tools = { ...tools, addresses: this.#dns }
    this.#validation = validation
    this.#events = events
  }

  /** What serves, if anything does yet. */
  get snapshot(): Snapshot | undefined {
    return this.#snapshot
  }

  /** Whether some provider has not delivered yet. */
  get partial(): boolean {
    return this.#partial
  }

  /** One document alone: validated here, and merged with nothing. */
  async apply(config: ProviderConfig, about: ApplyNotes): Promise<{ generation: number }> {
    const signal = this.#supersede()
    const checked = await runInSlices(validateConfigSteps(config, this.#validation), signal)
    if (!checked.ok) throw configInvalid(checked.issues)
    const qualified = await runInSlices(
      qualifyConfig(checked.config, about.provider, this.#snapshot?.config),
      signal,
    )
    const { merged, issues } = await runInSlices(mergeConfigs([qualified]), signal)
    if (issues.length > 0) throw configInvalid(issues)
    const notes = { version: checked.config.version, warnings: checked.warnings, ...about }
    return this.#compileAndSwap(merged, notes, signal)
  }

  /** What the supervisor has validated and merged. */
  readonly applyMerged: ApplyMerged = (config, about, cancel, onSwapped) =>
    this.#compileAndSwap(config, about, AbortSignal.any([this.#supersede(), cancel]), onSwapped)

  /** Nothing goes live any more. */
  close(): void {
    this.#closed = true
    this.#dns.follow(new Map())
    this.#snapshot?.end()
    this.#applying.abort(new ProxyError('PROXY_CLOSED'))
  }

  /** The last steps of docs/life-of-a-config.md. A configuration that is equal to the one that serves is told to nobody. */
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
    const changes = await runInSlices(diffConfigs(previous?.config, config), signal)
    signal.throwIfAborted()
    if (previous && isSame(changes) && this.#isKnown(about)) return { generation: previous.generation }
    const generation = (previous?.generation ?? 0) + 1
    const snapshot = await this.#compile(generation, config, signal)

    // swap
    const swapStart = performance.now()
    this.#swap(snapshot, signal)
    this.#partial = about.partial ?? false
    this.#versions.set(about.provider, about.version)
    onSwapped?.()

    // tell
    const { provider, version, verified = true, warnings = [] } = about
    this.#guards.tell(provider, warnings)
    const steps = { ...about.steps, compile: swapStart - compileStart, swap: performance.now() - swapStart }
    const label = version === undefined ? {} : { version }
    this.#events.emit('configChanged', { generation, provider, ...label, verified, changes, steps, warnings })
    return { generation }
  }

  #compile(generation: number, config: MergedConfig, signal: AbortSignal): Promise<Snapshot> {
    return runInSlices(compileSnapshot(generation, config, this.#snapshot, this.#tools), signal)
  }

  /** @throws the signal's reason if it is aborted: it may have been since the last step was compiled */
  #swap(snapshot: Snapshot, signal: AbortSignal): void {
    if (signal.aborted) {
      snapshot.retire()
      throw signal.reason
    }
    const previous = this.#snapshot
    this.#snapshot = snapshot
    snapshot.begin(previous)
    previous?.retire()
    this.#dns.follow(snapshot.names)
  }

  /** Addresses that change meanwhile wait for its end: two that were compiled from the same snapshot would part servers' states. */
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

  /** Names of servers have other addresses: the same generation, with other servers, as soon as nothing is being applied. */
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
        // A configuration is being applied, and it may yet be refused.
        this.#isStale = true
        snapshot.retire()
      } catch (error) {
        this.#isStale = signal.aborted
        if (!signal.aborted) process.emitWarning(`new addresses of servers: ${error}`, 'SwitchoverWarning')
      }
    })
  }

  /** Makes whatever is being applied give up. @returns the signal by which the next to come does the same to us */
  #supersede(): AbortSignal {
    this.#applying.abort(new ProxyError('PROXY_CONFIG_SUPERSEDED'))
    this.#applying = new AbortController()
    if (this.#closed) this.#applying.abort(new ProxyError('PROXY_CLOSED'))
    return this.#applying.signal
  }

  /** The same content with other guards left out is not the same: somebody must be told. */
  #isKnown({ provider, version, warnings }: ApplyNotes): boolean {
    const isSameVersion = this.#versions.has(provider) && this.#versions.get(provider) === version
    return isSameVersion && this.#guards.isServing(provider, warnings)
  }
}
