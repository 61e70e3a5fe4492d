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
import { checkUnsupportedFields } from '../validation/unsupported-fields.js'
import { validateConfigSteps } from '../validation/validate-config.js'
import type { ValidateOptions } from '../validation/validate-options.js'
import { StrictDns } from './backends/strict-dns.js'
import { GuardWarnings } from './events/guard-warnings.js'
import type { ProxyEmitter } from './events/proxy-emitter.js'
import { type CompileTools, compileSnapshot, type Snapshot } from './snapshot.js'

/** Holds the snapshot that serves, and takes each new configuration through its last steps: compile, swap, tell. */
export class Generations {
  readonly #tools: CompileTools
  readonly #dns: StrictDns
  readonly #validation: ValidateOptions
  readonly #events: ProxyEmitter
  /** The version of each provider's newest configuration, as the document names it. */
  readonly #versions = new Map<string, string | undefined>()
  readonly #guards = new GuardWarnings()
  #snapshot: Snapshot | undefined
  #partial = false
  #applying = new AbortController()
  /** Compilations in progress. */
  #compiling = 0
  /** Compilations that have begun so far. */
  #begun = 0
  /** Whether names of servers have other addresses now than in the snapshot that serves. */
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

  /** The snapshot that serves, or `undefined` before the first configuration. */
  get snapshot(): Snapshot | undefined {
    return this.#snapshot
  }

  /** Whether a provider has delivered nothing yet. A request without a frontend gets 503 then, and not 404. */
  get partial(): boolean {
    return this.#partial
  }

  /** Validates one document, and switches to it alone. It is merged with no other document. */
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

  /** Switches to a configuration that the supervisor has validated and merged. */
  readonly applyMerged: ApplyMerged = (config, about, cancel, onSwapped) =>
    this.#compileAndSwap(config, about, AbortSignal.any([this.#supersede(), cancel]), onSwapped)

  /** Stops the snapshot's health checks and DNS lookups. No other configuration goes live after this. */
  close(): void {
    this.#closed = true
    this.#dns.follow(new Map())
    this.#snapshot?.end()
    this.#applying.abort(new ProxyError('PROXY_CLOSED'))
  }

  /** Takes the last steps of docs/life-of-a-config.md. A configuration equal to the one that serves causes no event. */
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

  /** @throws the reason of `signal` if it is aborted. It may have been aborted since the compilation ended. */
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
   * Counts a compilation while it runs. New addresses of servers wait until none runs. Two compilations from the same snapshot
   * would each give the same servers a state of their own.
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
   * Compiles the same generation again when names of servers have other addresses. If a configuration is being applied, this
   * happens after its end.
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
        // A configuration began to be applied meanwhile. It may be refused, so the new addresses are still needed.
        this.#isStale = true
        snapshot.retire()
      } catch (error) {
        this.#isStale = signal.aborted
        if (!signal.aborted)
          process.emitWarning(`the new addresses of servers are not used: ${error}`, 'SwitchoverWarning')
      }
    })
  }

  /** Cancels the configuration that is being applied. @returns the signal by which the next call cancels this one */
  #supersede(): AbortSignal {
    this.#applying.abort(new ProxyError('PROXY_CONFIG_SUPERSEDED'))
    this.#applying = new AbortController()
    if (this.#closed) this.#applying.abort(new ProxyError('PROXY_CLOSED'))
    return this.#applying.signal
  }

  /**
   * Returns whether the provider's version and dropped guards are the ones that serve. If they differ, the proxy emits
   * `configChanged`, even if the content is equal.
   */
  #isKnown({ provider, version, warnings }: ApplyNotes): boolean {
    const isSameVersion = this.#versions.has(provider) && this.#versions.get(provider) === version
    return isSameVersion && this.#guards.isServing(provider, warnings)
  }
}
