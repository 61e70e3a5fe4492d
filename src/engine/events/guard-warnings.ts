import {
  describeDroppedGuards,
  droppedGuardsIn,
  keyOfGuards,
  ToldGuards,
} from '../../model/dropped-guards.js'
import type { Issue } from '../../model/errors.js'

/**
 * Tells of guards that were left out by a warning of the process, which needs no logger and knows no level: once for each
 * distinct set of one provider.
 */
export class GuardWarnings {
  readonly #told = new ToldGuards()
  /** What each provider serves without, as a key. */
  readonly #serving = new Map<string, string>()

  /** Whether a provider serves without the very same guards already. */
  isServing(provider: string, warnings: readonly Issue[] = []): boolean {
    return (this.#serving.get(provider) ?? '') === keyOfGuards(droppedGuardsIn(warnings))
  }

  /** What a provider delivered serves from here on. */
  tell(provider: string, warnings: readonly Issue[]): void {
    const paths = droppedGuardsIn(warnings)
    this.#serving.set(provider, keyOfGuards(paths))
    if (!this.#told.isNew(provider, paths)) return
    const type = 'SwitchoverGuardWarning'
    process.emitWarning(describeDroppedGuards(provider, paths), { type, code: 'SWITCHOVER_GUARD_DROPPED' })
  }
}
