import {
  describeDroppedGuards,
  droppedGuardsIn,
  keyOfGuards,
  ToldGuards,
} from '../../model/dropped-guards.js'
import type { Issue } from '../../model/errors.js'

/**
 * Emits a process warning if a provider's configuration is live without some of its guards. Guards are fields that keep requests
 * out, such as `auth`. A process warning needs no logger and has no log level. Each set of missing guards is reported once for a
 * provider.
 */
export class GuardWarnings {
  readonly #told = new ToldGuards()
  /** For each provider name, a digest of the guards that the live configuration of this provider lacks. */
  readonly #serving = new Map<string, string>()

  /** Returns whether the provider's live configuration already lacks exactly the guards that these warnings name. */
  isServing(provider: string, warnings: readonly Issue[] = []): boolean {
    return (this.#serving.get(provider) ?? '') === keyOfGuards(droppedGuardsIn(warnings))
  }

  /** Called when a provider's configuration is live. Emits a process warning about the guards that it lacks, if there are any. */
  tell(provider: string, warnings: readonly Issue[]): void {
    const paths = droppedGuardsIn(warnings)
    this.#serving.set(provider, keyOfGuards(paths))
    if (!this.#told.isNew(provider, paths)) return
    const type = 'SwitchoverGuardWarning'
    process.emitWarning(describeDroppedGuards(provider, paths), { type, code: 'SWITCHOVER_GUARD_DROPPED' })
  }
}
