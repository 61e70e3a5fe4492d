import { nullRecord } from '../base/records.js'
import { isEnd, KEY_TREE, type KeyStep, stepTo } from '../static-config/key-tree.js'
import type { ValueKind } from '../static-config/static-keys.js'

/** A key below a prefix, without the prefix and the slash behind it, and its value. */
export interface StoredKey {
  readonly key: string
  readonly value: string
}

/** What a static configuration is made of, and the keys that are none of it. */
export interface StaticConfigOfKeys {
  readonly table: Table
  /** Names at the top. */
  readonly others: readonly string[]
  /** Keys that stand there twice, in two spellings. */
  readonly twice: readonly string[]
  /** What the operator should know of keys that were not taken as they stand. */
  readonly notes: readonly string[]
}

type Table = Record<string, unknown>

/** Documents, and what Traefik puts beside them: these stay in the store. */
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

/** Lists in tables that are not looked into here. Traefik takes each as one text, with commas, too. */
const LISTS = new Set(['users', 'sourcerange', 'trustedips', 'ciphersuites', 'files', 'constraints'])
/** Durations in such tables. */
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
/** Numbers in such tables. */
const NUMBERS = new Set(['recenterrors', 'port', 'templateversion'])

/**
 * The tables of a traefik.toml that Traefik 1.7's keys in a store make, with the names of keys as they are written in a file.
 * Empty values ask for nothing, as in Traefik.
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

/** @returns false if there is something already */
function put(table: Table, given: readonly string[], value: string, notes: string[]): boolean {
  let step: KeyStep | undefined = KEY_TREE
  let into = table
  const last = given.length - 1
  for (const [at, name] of given.entries()) {
    // What lies in a table that is not looked into keeps its names.
    const next: KeyStep | undefined = step && !isEnd(step) ? stepTo(step, name) : undefined
    const known = next && next.name !== '*' ? next.name : name
    if (at === last) {
      const read = valueFrom(value, next?.key?.kind ?? step?.key?.kind, known)
      if (typeof read === 'string' && read !== value)
        notes.push(`${given.join('/')}: ${value} are nanoseconds in a store; written as "${read}"`)
      return leaf(into, known, read, () => noteLost(read, given, notes))
    }
    // A table that was switched on by a value of its own has more in it.
    if (!isTable(into[known])) {
      noteLost(into[known], given.slice(0, at + 1), notes)
      into[known] = nullRecord<unknown>()
    }
    into = into[known] as Table
    step = next ?? step
  }
  return true
}

/** A key that has both a value and keys below it: a file has room for one of them. */
function noteLost(value: unknown, names: readonly string[], notes: string[]): void {
  // It says no more than the keys below it.
  if (value === undefined || value === true || value === 'true') return
  notes.push(`left out: the value of "${names.join('/')}", which has keys below it too; these are taken`)
}

/** @param lose is called where the value has no room */
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
      // An item of a list stands below the list's own name.
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

/** Nanoseconds in each unit, the largest first. */
const UNITS = [
  ['s', 1_000_000_000n],
  ['ms', 1_000_000n],
  ['us', 1_000n],
  ['ns', 1n],
] as const

/** Traefik stores a duration as a bare number of nanoseconds. In a file a bare number is seconds, so it gets a unit. */
function durationOr(text: string): string {
  if (!/^\s*\d{1,30}\s*$/.test(text)) return text
  const nanoseconds = BigInt(text.trim())
  const [unit, size] = UNITS.find(([, each]) => nanoseconds % each === 0n) ?? UNITS[3]
  return `${nanoseconds / size}${unit}`
}

function flagOr(text: string): boolean | string {
  return text === 'true' ? true : text === 'false' ? false : text
}

/** Tables of indices alone are lists, in the order of their numbers. */
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
