import { nullRecord } from '../base/records.js'
import { isEnd, KEY_TREE, type KeyStep, stepTo } from '../static-config/key-tree.js'
import type { ValueKind } from '../static-config/static-keys.js'

/** A key of a store and its value. The key has no prefix and no slash after the prefix. */
export interface StoredKey {
  readonly key: string
  readonly value: string
}

/** The static configuration that keys of a store hold, and the keys that do not belong to it. */
export interface StaticConfigOfKeys {
  readonly table: Table
  /** The first names of keys that Traefik does not know. */
  readonly others: readonly string[]
  /** Keys that are given twice, in two spellings. */
  readonly twice: readonly string[]
  /** Notes for the operator about keys whose values were changed or left out. */
  readonly notes: readonly string[]
}

type Table = Record<string, unknown>

/** Names that stay in the store: the parts of documents, and keys that Traefik stores beside them. */
const STAY = new Set([
  'frontends',
  'backends',
  'tls',
  'version',
  'prefix',
  'alias',
  'leader',
  'leader___lock',
])

/** Names of lists inside tables that the proxy does not support. Traefik also accepts such a list as one text with commas. */
const LISTS = new Set(['users', 'sourcerange', 'trustedips', 'ciphersuites', 'files', 'constraints'])
/** Names of durations inside such tables. */
const DURATIONS = new Set([
  ...[
    'interval',
    'pushinterval',
    'dialertimeout',
    'responseheadertimeout',
    'tlshandshaketimeout',
    'keepalive',
  ],
  ...['delaybeforecheck', 'delaydontcheckdns'],
])
/** Names of numbers inside such tables. */
const NUMBERS = new Set(['recenterrors', 'port', 'templateversion'])

/**
 * Builds the tables of a traefik.toml from Traefik 1.7's keys in a store. Names get the spelling that they have in a file. Keys
 * with empty values are left out, because they have no effect in Traefik.
 */
export function staticConfigOfKeys(entries: Iterable<StoredKey>): StaticConfigOfKeys {
  const table = nullRecord<unknown>()
  const others = new Set<string>()
  const twice: string[] = []
  const notes: string[] = []
  for (const { key, value } of entries) {
    const names = key.split('/').filter((name) => name !== '')
    const [top = ''] = names
    if (value === '' || STAY.has(top.toLowerCase())) continue
    if (!stepTo(KEY_TREE, top)) others.add(top)
    else if (!put(table, names, value, notes)) twice.push(key)
  }
  return { table: withLists(table) as Table, others: [...others], twice, notes }
}

/** Puts one key's value into the table. @returns false if the key has another value already */
function put(table: Table, given: readonly string[], value: string, notes: string[]): boolean {
  let step: KeyStep | undefined = KEY_TREE
  let into = table
  const last = given.length - 1
  for (const [at, name] of given.entries()) {
    // Names inside a table that the proxy does not support keep their spelling.
    const next: KeyStep | undefined = step && !isEnd(step) ? stepTo(step, name) : undefined
    const known = next && next.name !== '*' ? next.name : name
    if (at === last) {
      const read = valueFrom(value, next?.key?.kind ?? step?.key?.kind, known)
      if (typeof read === 'string' && read !== value)
        notes.push(`${given.join('/')}: ${value} nanoseconds in the store, written as "${read}"`)
      return leaf(into, known, read, () => noteLost(read, given, notes))
    }
    // A key such as `web = true` only switches a table on. The keys below it are the table's content and replace that value.
    if (!isTable(into[known])) {
      noteLost(into[known], given.slice(0, at + 1), notes)
      into[known] = nullRecord<unknown>()
    }
    into = into[known] as Table
    step = next ?? step
  }
  return true
}

/** Notes that a value is left out because there are keys below it. A file can hold the value or the keys, but not both. */
function noteLost(value: unknown, names: readonly string[], notes: string[]): void {
  // The value only switches the table on, and so do the keys below it.
  if (value === undefined || value === true || value === 'true') return
  notes.push(
    `left out: the value of "${names.join('/')}", because there are keys below it, which are used instead`,
  )
}

/** Sets a value. @param lose is called if there are keys below this one, so that the value is left out */
function leaf(into: Table, name: string, value: unknown, lose: () => void): boolean {
  const before = into[name]
  if (isTable(before)) {
    lose()
    return true
  }
  if (before !== undefined && before !== value) return false
  into[name] = value
  return true
}

function valueFrom(text: string, kind: ValueKind | undefined, name: string): unknown {
  const list = () => text.split(',').map((part) => part.trim())
  switch (kind) {
    case 'number':
      return numberOr(text)
    case 'numbers':
      return list().map(numberOr)
    case 'list':
    case 'pems':
      // The key of a list's item is a number below the list's name.
      return /^\d+$/.test(name) ? text : list()
    case 'flag':
      return flagOr(text)
    case 'duration':
    case 'limit':
      return durationOr(text)
    case 'table':
      return valueInTable(text, name, list)
    default:
      return text
  }
}

function valueInTable(text: string, name: string, list: () => readonly string[]): unknown {
  if (LISTS.has(name.toLowerCase())) return list()
  if (DURATIONS.has(name.toLowerCase())) return durationOr(text)
  return NUMBERS.has(name.toLowerCase()) ? numberOr(text) : flagOr(text)
}

function numberOr(text: string): number | string {
  return /^\s*\d+(\.\d+)?\s*$/.test(text) ? Number(text) : text
}

/** The units with their nanoseconds, largest first. */
const UNITS = [
  ['s', 1_000_000_000n],
  ['ms', 1_000_000n],
  ['us', 1_000n],
  ['ns', 1n],
] as const

/** Adds a unit to a duration. Traefik stores a bare number of nanoseconds, but a bare number in a file means seconds. */
function durationOr(text: string): string {
  if (!/^\s*\d{1,30}\s*$/.test(text)) return text
  const nanoseconds = BigInt(text.trim())
  const [unit, size] = UNITS.find(([, each]) => nanoseconds % each === 0n) ?? UNITS[3]
  return `${nanoseconds / size}${unit}`
}

function flagOr(text: string): boolean | string {
  return text === 'true' ? true : text === 'false' ? false : text
}

/** Turns tables whose names are all indices into lists, ordered by index. */
function withLists(value: unknown): unknown {
  if (!isTable(value)) return value
  const names = Object.keys(value)
  if (names.length > 0 && names.every((name) => /^\d{1,9}$/.test(name)))
    return names.toSorted((a, b) => Number(a) - Number(b)).map((name) => withLists(value[name]))
  const all = nullRecord<unknown>()
  for (const name of names) all[name] = withLists(value[name])
  return all
}

function isTable(value: unknown): value is Table {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
