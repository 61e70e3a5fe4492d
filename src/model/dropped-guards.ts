import { createHash } from 'node:crypto'
import type { Issue } from './errors.js'

/**
 * A cache of `droppedGuardsIn`: the result for each list of warnings. Several callers pass the same list, which may have a
 * hundred thousand entries.
 */
const SORTED = new WeakMap<readonly Issue[], readonly string[]>()

/**
 * Returns the sorted paths of guards (fields that keep requests out) that the option `unsupportedFields` left out of a document.
 */
export function droppedGuardsIn(warnings: readonly Issue[]): readonly string[] {
  const known = SORTED.get(warnings)
  if (known) return known
  const paths = warnings.flatMap(({ code, path }) => (code === 'GUARD_DROPPED' ? path : [])).sort()
  SORTED.set(warnings, paths)
  return paths
}

/** The number of sets of guards that `ToldGuards` remembers. A set that it has forgotten is reported again. */
const MAX_SETS = 1_000

/** Remembers which sets of dropped guards were reported to people, so that a set is not reported again at each delivery. */
export class ToldGuards {
  readonly #told = new Set<string>()

  /**
   * Returns whether a set of dropped guards was not reported for this provider yet, and records the set as reported. An empty set
   * is never new.
   */
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

/** Returns a short key for a set of guards, by their paths. It is a digest, because a set may have a hundred thousand paths. */
export function keyOfGuards(paths: readonly string[]): string {
  return paths.length === 0 ? '' : createHash('sha256').update(JSON.stringify(paths)).digest('base64')
}

/** Returns a sentence for people that names the provider and the first `MAX_SHOWN` of its dropped guards. */
export function describeDroppedGuards(provider: string, paths: readonly string[]): string {
  const shown = paths.slice(0, MAX_SHOWN).join(', ')
  const more = paths.length > MAX_SHOWN ? ` and ${paths.length - MAX_SHOWN} more` : ''
  return `the configuration of ${provider} is live without its guards: ${shown}${more} (unsupportedFields.warn names them)`
}

const MAX_SHOWN = 10
