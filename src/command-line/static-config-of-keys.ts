import { nullRecord } from '../base/records.js'
import { isEnd, KEY_TREE, type KeyStep, stepTo } from '../static-config/key-tree.js'
import type { ValueKind } from '../validation/static-keys/static-key.js'

/**
 * A key of a key-value store (etcd or Consul) with its value. The key is relative: the prefix and the slash after it are removed.
 */
export interface StoredKey {
  readonly key: string
  readonly value: string
}

/** The static configuration that was found in a key-value store, and the keys of the store that could not be used. */
export interface StaticConfigOfKeys {
  readonly table: Table
  /**
   * The unknown keys of the key-value store, which belong to no static configuration. Only the first path segment of each is
   * given.
   */
  readonly others: readonly string[]
  /** Keys of the key-value store that occur in two spellings, with different values. */
  readonly twice: readonly string[]
  /** Messages for the operator about keys of the key-value store whose values were changed or left out. */
  readonly notes: readonly string[]
}

type Table = Record<string, unknown>

/**
 * Top-level keys of the key-value store that are not copied into the `traefik.toml`: parts of configuration documents, and state
 * that Traefik keeps there.
 */
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

/**
 * Names of fields that hold a list, in tables that the proxy does not support. Traefik also accepts a list as one string with
 * commas.
 */
const LISTS = new Set(['users', 'sourcerange', 'trustedips', 'ciphersuites', 'files', 'constraints'])
/** Names of fields that hold a duration, in tables that the proxy does not support. */
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
/** Names of fields that hold a number, in tables that the proxy does not support. */
const NUMBERS = new Set(['recenterrors', 'port', 'templateversion'])

/**
 * Builds the content of a traefik.toml from the keys that Traefik 1.7 keeps in a key-value store. Each name gets the spelling
 * that it has in a file. Keys with empty values are left out, because Traefik ignores them.
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

/**
 * Adds the value of a key from the key-value store to the content of the traefik.toml.
 *
 * @returns false if the content already has a different value
 */
function put(table: Table, given: readonly string[], value: string, notes: string[]): boolean {
  let step: KeyStep | undefined = KEY_TREE
  let into = table
  const last = given.length - 1
  for (const [at, name] of given.entries()) {
    // Looks the name up in the key tree, which has Traefik's spelling. A name that is not in the tree, such as that of an entry
    // point, keeps its spelling.
    const next: KeyStep | undefined = step && !isEnd(step) ? stepTo(step, name) : undefined
    const known = next && next.name !== '*' ? next.name : name
    if (at === last) {
      const read = valueFrom(value, next?.key?.kind ?? step?.key?.kind, known)
      if (typeof read === 'string' && read !== value)
        notes.push(`${given.join('/')}: ${value} nanoseconds in the store, written as "${read}"`)
      return leaf(into, known, read, () => noteLost(read, given, notes))
    }
    // Creates a table for the keys below this name. If the key-value store also has a value for the name itself, such as
    // `web = true`, the table replaces the value.
    if (!isTable(into[known])) {
      noteLost(into[known], given.slice(0, at + 1), notes)
      into[known] = nullRecord<unknown>()
    }
    into = into[known] as Table
    step = next ?? step
  }
  return true
}

/**
 * Adds a note that a key's value is left out, because the key-value store also has keys below that key. A file cannot hold both.
 */
function noteLost(value: unknown, names: readonly string[], notes: string[]): void {
  // Adds no note if the value only enables the table. Nothing is lost then, because the keys in the table enable it too.
  if (value === undefined || value === true || value === 'true') return
  notes.push(
    `left out: the value of "${names.join('/')}", because there are keys below it, which are used instead`,
  )
}

/**
 * Sets the value of a field, unless the field is a table already. Returns false if the field has a different value.
 *
 * @param lose is called if the field is a table already, so that the value is left out
 */
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
      // If the name is a number, the value is one item of a list and is not split at commas. Otherwise the value is the whole
      // list.
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

/** The units of a duration with their length in nanoseconds, longest first. */
const UNITS = [
  ['s', 1_000_000_000n],
  ['ms', 1_000_000n],
  ['us', 1_000n],
  ['ns', 1n],
] as const

/** Adds a unit to a duration without one. Traefik means nanoseconds in a key-value store, but seconds in a file. */
function durationOr(text: string): string {
  if (!/^\s*\d{1,30}\s*$/.test(text)) return text
  const nanoseconds = BigInt(text.trim())
  const [unit, size] = UNITS.find(([, each]) => nanoseconds % each === 0n) ?? UNITS[3]
  return `${nanoseconds / size}${unit}`
}

function flagOr(text: string): boolean | string {
  return text === 'true' ? true : text === 'false' ? false : text
}

/** Turns each table whose names are all list indices (0, 1, ...) into a list in that order, at every depth. */
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
