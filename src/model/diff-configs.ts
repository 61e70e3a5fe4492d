import type { Changes } from './events.js'
import type { MergedConfig } from './merge-configs.js'

/** The frontends and backends that a switch to a new configuration adds, removes and changes. */
export interface ConfigDiff {
  readonly frontends: Changes
  readonly backends: Changes
}

/**
 * Compares two configurations, and yields after each entry so that the caller can pause. Entries are compared by identity,
 * because `qualifyConfig` reuses the object of an entry that did not change.
 */
export function* diffConfigs(
  before: MergedConfig | undefined,
  after: MergedConfig,
): Generator<void, ConfigDiff> {
  return {
    frontends: yield* diffEntries(before?.frontends ?? new Map(), after.frontends),
    backends: yield* diffEntries(before?.backends ?? new Map(), after.backends),
  }
}

/** Returns whether a switch to a new configuration would add, remove and change nothing. */
export function isSame({ frontends, backends }: ConfigDiff): boolean {
  return [frontends, backends].every(
    ({ added, removed, changed }) => added.length + removed.length + changed.length === 0,
  )
}

function* diffEntries<T>(
  before: ReadonlyMap<string, T>,
  after: ReadonlyMap<string, T>,
): Generator<void, Changes> {
  const added: string[] = []
  const removed: string[] = []
  const changed: string[] = []
  for (const [name, entry] of after) {
    const old = before.get(name)
    if (old === undefined) added.push(name)
    else if (old !== entry) changed.push(name)
    yield
  }
  for (const name of before.keys()) {
    if (!after.has(name)) removed.push(name)
    yield
  }
  return { added, removed, changed }
}
