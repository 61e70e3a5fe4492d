/** @import { Entry, Refusal, Switch } from './api-types.js' */

const KEPT = 50

/** @param {Entry} entry */
export function keyOf({ type, id }) {
  return `${type}-${id}`
}

/**
 * Merges entries that were read with entries from events. Each entry is kept once, newest first.
 *
 * @param {Entry[]} known
 * @param {Entry[]} more
 */
export function mergeEntries(known, more) {
  const all = new Map([...known, ...more].map((entry) => [keyOf(entry), entry]))
  return [...all.values()].sort((a, b) => Date.parse(b.at) - Date.parse(a.at) || b.id - a.id).slice(0, KEPT)
}

/** @typedef {{ refusal: Refusal, times: number, serving?: string }} Standing */

/**
 * Returns the refusals that still matter. That is the newest refusal of each provider that has not switched since.
 *
 * @param {Entry[]} entries newest first
 * @returns {Standing[]}
 */
export function standingRefusals(entries) {
  /** @type {Map<string, Standing>} */
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
 * Returns the numbers of changes, for frontends and backends together.
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
