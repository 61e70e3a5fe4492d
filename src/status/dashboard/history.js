/** @import { Entry, Refusal, Switch } from './api-types.js' */

const KEPT = 50

/** Returns a text that identifies an entry of the configuration history. @param {Entry} entry */
export function keyOf({ type, id }) {
  return `${type}-${id}`
}

/**
 * Merges two lists of entries of the configuration history: entries that were read, and entries that came as events. Each entry
 * is kept once, and the newest comes first.
 *
 * @param {Entry[]} known
 * @param {Entry[]} more
 */
export function mergeEntries(known, more) {
  const all = new Map([...known, ...more].map((entry) => [keyOf(entry), entry]))
  return [...all.values()].sort((a, b) => Date.parse(b.at) - Date.parse(a.at) || b.id - a.id).slice(0, KEPT)
}

/**
 * The newest refused configuration of a provider, if the provider has not switched to another one since. `times` counts the
 * refused configurations since the last switch, and `serving` is the version that still serves.
 *
 * @typedef {{ refusal: Refusal, times: number, serving?: string }} Standing
 */

/**
 * Finds the providers whose newest configuration was refused, and returns the refused configuration of each.
 *
 * @param {Entry[]} entries the configuration history, newest first
 * @returns {Standing[]}
 */
export function standingRefusals(entries) {
  /** The newest refused configuration of each provider, by name of the provider. @type {Map<string, Standing>} */
  const standing = new Map()
  const settled = new Set()
  for (const entry of entries) {
    if (settled.has(entry.provider)) continue
    const known = standing.get(entry.provider)
    if (entry.type === 'switch') {
      settled.add(entry.provider)
      if (known && entry.version !== undefined) known.serving = entry.version
    } else if (known) known.times++
    else standing.set(entry.provider, { refusal: entry, times: 1 })
  }
  return [...standing.values()]
}

/**
 * Returns how many frontends and backends together a new configuration has added, removed and changed.
 *
 * @param {Switch} entry
 * @returns {{ mark: string, word: string, count: number }[]}
 */
export function countsOf({ changes: { frontends, backends } }) {
  return [
    { mark: '+', word: 'added', count: frontends.added.count + backends.added.count },
    { mark: '−', word: 'removed', count: frontends.removed.count + backends.removed.count },
    { mark: '~', word: 'changed', count: frontends.changed.count + backends.changed.count },
  ]
}
