import type { ProviderConfig } from '../model/config.js'
import { diffConfigs, isSame } from '../model/diff-configs.js'
import { describeIssues, type Issue, ProxyError } from '../model/errors.js'
import {
  type ApplyMerged,
  type ApplyNotes,
  type MergedConfig,
  mergeConfigs,
  qualifyConfig,
} from '../model/merge-configs.js'
import type { ValidateOptions } from '../rules/document-checker.js'
import { runInSlices } from '../rules/run-steps.js'
import { validateConfigSteps } from '../rules/validate-config.js'
import type { ProxyEmitter } from './proxy-emitter.js'
import { type CompileTools, compileSnapshot, type Snapshot } from './snapshot.js'

/** The snapshot that serves, and the way to the next one: compile, swap, tell. */
export class Generations {
  readonly #tools: CompileTools
  readonly #validation: ValidateOptions
  readonly #events: ProxyEmitter
  /** What each provider's newest configuration called itself. */
  readonly #versions = new Map<string, string | undefined>()
  #snapshot: Snapshot | undefined
  #partial = false
  #applying = new AbortController()
  #closed = false

  constructor(tools: CompileTools, validation: ValidateOptions, events: ProxyEmitter) {
    this.#tools = tools
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
    if (!checked.ok) throw invalid(checked.issues)
    const qualified = await runInSlices(
      qualifyConfig(checked.config, about.provider, this.#snapshot?.config),
      signal,
    )
    const { merged, issues } = await runInSlices(mergeConfigs([qualified]), signal)
    if (issues.length > 0) throw invalid(issues)
    const notes = { version: checked.config.version, warnings: checked.warnings, ...about }
    return this.#compileAndSwap(merged, notes, signal)
  }

  /** What the supervisor has validated and merged. */
  readonly applyMerged: ApplyMerged = (config, about, cancel, onSwapped) =>
    this.#compileAndSwap(config, about, AbortSignal.any([this.#supersede(), cancel]), onSwapped)

  /** Nothing goes live any more. */
  close(): void {
    this.#closed = true
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
    const previous = this.#snapshot
    const compileStart = performance.now()

    // compile
    const changes = await runInSlices(diffConfigs(previous?.config, config), signal)
    signal.throwIfAborted()
    if (previous && isSame(changes) && this.#isKnown(about)) return { generation: previous.generation }
    const generation = (previous?.generation ?? 0) + 1
    const snapshot = await runInSlices(compileSnapshot(generation, config, previous, this.#tools), signal)
    if (signal.aborted) {
      snapshot.retire()
      throw signal.reason
    }

    // swap
    const swapStart = performance.now()
    this.#snapshot = snapshot
    this.#partial = about.partial ?? false
    this.#versions.set(about.provider, about.version)
    snapshot.begin(previous)
    previous?.retire()
    onSwapped?.()

    // tell
    const { provider, version, verified = true, warnings = [] } = about
    const steps = { ...about.steps, compile: swapStart - compileStart, swap: performance.now() - swapStart }
    const label = version === undefined ? {} : { version }
    this.#events.emit('configChanged', { generation, provider, ...label, verified, changes, steps, warnings })
    return { generation }
  }

  /** Makes whatever is being applied give up. @returns the signal by which the next to come does the same to us */
  #supersede(): AbortSignal {
    this.#applying.abort(new ProxyError('PROXY_CONFIG_SUPERSEDED'))
    this.#applying = new AbortController()
    if (this.#closed) this.#applying.abort(new ProxyError('PROXY_CLOSED'))
    return this.#applying.signal
  }

  #isKnown({ provider, version }: ApplyNotes): boolean {
    return this.#versions.has(provider) && this.#versions.get(provider) === version
  }
}

function invalid(issues: readonly Issue[]): ProxyError {
  return new ProxyError('PROXY_CONFIG_INVALID', describeIssues(issues), { issues })
}
