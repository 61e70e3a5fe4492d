import { createHash } from 'node:crypto'
import type { Issue } from './errors.js'

/** Several ask for the same: there may be a hundred thousand warnings. */
const SORTED = new WeakMap<readonly Issue[], readonly string[]>()

/** The paths of fields that guard and were left out, in order. */
export function droppedGuardsIn(warnings: readonly Issue[]): readonly string[] {
  const known = SORTED.get(warnings)
  if (known) return known
  const paths = warnings.flatMap(({ code, path }) => (code === 'GUARD_DROPPED' ? path : [])).sort()
  SORTED.set(warnings, paths)
  return paths
}

/** So many sets are remembered; the oldest is forgotten, and told again. */
const MAX_SETS = 1_000

/** Which sets of dropped guards were told: each set once, not at each delivery. */
export class ToldGuards {
  readonly #told = new Set<string>()

  /** Whether there are any, and these have not been told of this provider. They count as told from now on. */
  isNew(provider: string, paths: readonly string[]): boolean {
    if (paths.length === 0) return false
    const key = keyOfGuards([provider, ...paths])
    if (this.#told.has(key)) return false
    this.#told.add(key)
    const [oldest] = this.#told
    if (this.#told.size > MAX_SETS && oldest !== undefined) this.#told.delete(oldest)
    return true
  }
}

/** Short, however many paths there are: they may be a hundred thousand. */
export function keyOfGuards(paths: readonly string[]): string {
  return paths.length === 0 ? '' : createHash('sha256').update(JSON.stringify(paths)).digest('base64')
}

/** For people: what serves without which guards; of many the first. */
export function describeDroppedGuards(provider: string, paths: readonly string[]): string {
  const shown = paths.slice(0, MAX_SHOWN).join(', ')
  const more = paths.length > MAX_SHOWN ? ` and ${paths.length - MAX_SHOWN} more` : ''
  return `what ${provider} delivered serves without its guards: ${shown}${more} (unsupportedFields.warn names them)`
}

const MAX_SHOWN = 10
