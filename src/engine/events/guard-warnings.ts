import {
  describeDroppedGuards,
  droppedGuardsIn,
  keyOfGuards,
  ToldGuards,
} from '../../model/dropped-guards.js'
import type { Issue } from '../../model/errors.js'

/**
 * Emits a process warning when a provider serves without some of its guards, the fields that keep requests
 * out. A warning needs no logger and has no log level. Each distinct set of one provider is reported once.
 */
export class GuardWarnings {
  readonly #told = new ToldGuards()
  /** Each provider's missing guards, as one key. They are missing from the configuration that is live. */
  readonly #serving = new Map<string, string>()

  /** Returns whether a provider's live configuration already lacks exactly these guards. */
  isServing(provider: string, warnings: readonly Issue[] = []): boolean {
    return (this.#serving.get(provider) ?? '') === keyOfGuards(droppedGuardsIn(warnings))
  }

  /** Notes that a provider's delivery has gone live, and warns of the guards that it lacks. */
  tell(provider: string, warnings: readonly Issue[]): void {
    const paths = droppedGuardsIn(warnings)
    this.#serving.set(provider, keyOfGuards(paths))
    if (!this.#told.isNew(provider, paths)) return
    const type = 'SwitchoverGuardWarning'
    process.emitWarning(describeDroppedGuards(provider, paths), { type, code: 'SWITCHOVER_GUARD_DROPPED' })
  }
}
