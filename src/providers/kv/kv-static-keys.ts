import { pathOf, quote } from '../../base/messages.js'
import { nearestName } from '../../base/nearest-name.js'
import type { Issue } from '../../model/errors.js'
import {
  ENTRY_POINT_NAMES,
  GUARDING_STATIC_KEYS,
  STATIC_TOP_NAMES,
} from '../../validation/guarding-static-keys.js'

/**
 * The place of a key in Traefik 1.7's static configuration, which Traefik reads below the same prefix. `guard` is the path of a
 * security setting. For every other key, `name` is the table or key at the top that it belongs to.
 */
export type KvStaticKey = { readonly guard: string } | { readonly name: string }

/**
 * Finds a key's place in the static configuration, in any case of letters, as Traefik does. A misspelt guard of an entry point
 * counts as that guard. If it were ignored, clients could get in that it should keep out.
 *
 * @param segments the key below the prefix, split at its slashes
 * @param value returns the key's value as text; called only where the value matters
 * @returns undefined for a key outside the static configuration
 */
export function kvStaticKeyOf(segments: readonly string[], value: () => string): KvStaticKey | undefined {
  const names = segments.filter((segment) => segment !== '')
  const [first = '', ...rest] = names
  const top = TOPS.get(first.toLowerCase())
  const meant = top ?? nearestName(first, GUARDED_TOPS)
  if (meant === undefined) return undefined
  const guard = guardAt([meant, ...(meant === ENTRY_POINTS ? inEntryPoint(rest) : rest)], value)
  if (guard !== undefined && (top !== undefined || isMeant(first, meant))) return { guard }
  return top === undefined ? undefined : { name: top }
}

/**
 * Returns whether a misspelt name means this table, and no other name is nearer. A document may have any number of keys, so this
 * slow comparison with all names runs only for keys that already look like guards.
 */
function isMeant(given: string, top: string): boolean {
  return nearestName(given, NEAR_TOP) === top
}

/** Names that a misspelt name at the top may mean. `tls` is missing, because the check of the document handles it. */
const NEAR_TOP = [...STATIC_TOP_NAMES.filter((name) => name !== 'tls'), 'frontends', 'backends']

/** Returns the names of a key below `entryPoints`, with a misspelt field of the entry point put right. */
function inEntryPoint([own, field, ...rest]: readonly string[]): string[] {
  if (own === undefined || field === undefined) return own === undefined ? [] : [own]
  const known = IN_ENTRY_POINT.get(field.toLowerCase()) ?? nearestName(field, ENTRY_POINT_NAMES)
  return [own, known ?? field, ...rest]
}

const ENTRY_POINTS = 'entryPoints'
const bySmallName = (names: readonly string[]) => new Map(names.map((name) => [name.toLowerCase(), name]))
const TOPS = bySmallName(STATIC_TOP_NAMES)
const IN_ENTRY_POINT = bySmallName(ENTRY_POINT_NAMES)

/** Paths of guards, split into names. `tls` is missing, because it is a field of documents too. */
const GUARDS = GUARDING_STATIC_KEYS.filter(([path]) => path !== 'tls').map(([path, kind]) => ({
  steps: path.split('.'),
  small: path.toLowerCase().split('.'),
  kind,
}))

const GUARDED_TOPS = [...new Set(GUARDS.map(({ steps }) => steps[0] as string))]

/** Returns the path of the guard that a key belongs to. */
function guardAt(names: readonly string[], value: () => string): string | undefined {
  for (const { steps, small, kind } of GUARDS) {
    const count = Math.min(steps.length, names.length)
    if (!isOnTheWay(small, names, count)) continue
    const isThere =
      names.length > steps.length || (names.length === steps.length && isSwitchedOn(kind, value()))
    // A whole table may be written as one text, such as JSON. The text is not parsed, so it counts as a guard.
    const isText = names.length < steps.length && mayHoldTable(steps[0] as string, value())
    if (isThere || isText) return pathTo(steps, names.slice(0, steps.length))
  }
  return undefined
}

/** Returns whether the first `count` names of a key match those of a guard. */
function isOnTheWay(small: readonly string[], names: readonly string[], count: number): boolean {
  for (let at = 0; at < count; at += 1)
    if (small[at] !== '*' && small[at] !== (names[at] as string).toLowerCase()) return false
  return true
}

/** Returns whether a value switches its guard on. Any text does so for a table. Traefik ignores empty values. */
function isSwitchedOn(kind: (typeof GUARDS)[number]['kind'], value: string): boolean {
  const text = value.trim()
  return text !== '' && (kind === 'table' || !/^(0|f|false)$/i.test(text))
}

/**
 * Returns whether a text may hold a whole table. For an entry point, any text does that is not a single word, such as
 * `Name:http Auth.Basic:a`. For other tables, the text is JSON or TOML.
 */
function mayHoldTable(top: string, text: string): boolean {
  return top === ENTRY_POINTS ? !/^[\w.-]*$/.test(text) : /[{[=\n]/.test(text)
}

/** Returns the path of a guard, with the names that the operator chose. */
function pathTo(steps: readonly string[], names: readonly string[]): string {
  return names.reduce((path, name, at) => pathOf(path, steps[at] === '*' ? name : (steps[at] as string)), '')
}

/**
 * Collects the keys of Traefik's static configuration among the keys of a store. Security settings become issues, which refuse
 * the document. All other keys become warnings.
 */
export class StaticKeysOfStore {
  readonly #prefix: string
  readonly #isWithoutDocument: boolean
  readonly #guards = new Map<string, Issue>()
  readonly #others = new Map<string, { readonly path: string; count: number }>()

  /**
   * @param prefix the prefix of the keys, for messages
   * @param isWithoutDocument whether there is no document below this prefix. Otherwise `tls` is a field of that document
   */
  constructor(prefix: string, isWithoutDocument = false) {
    this.#prefix = prefix
    this.#isWithoutDocument = isWithoutDocument
  }

  /** Takes one key of the store. @returns false for a key outside the static configuration */
  take(key: string, segments: readonly string[], bytes: Uint8Array): boolean {
    // A value may be compressed by Traefik, so it is decoded without an error for bytes that are not UTF-8.
    const found = kvStaticKeyOf(segments, () => Buffer.from(bytes).toString('utf8'))
    if (!found) return false
    if ('guard' in found) this.#refuse(found.guard, key)
    else if (this.#isWithoutDocument && found.name === 'tls' && bytes.length > 0) this.#refuse('tls', key)
    else this.#count(found.name, segments.find((segment) => segment !== '') ?? '')
    return true
  }

  #refuse(path: string, key: string): void {
    if (this.#guards.has(path)) return
    const place = shownKey(`${this.#prefix}/${key}`)
    const message = `${place} is a security setting of Traefik's static configuration, which is not read from a store here. ${REMEDY}`
    this.#guards.set(path, { path, code: 'NOT_SUPPORTED', message })
  }

  #count(name: string, given: string): void {
    const known = this.#others.get(name)
    if (known) known.count += 1
    else this.#others.set(name, { path: shownKey(`${this.#prefix}/${given}`), count: 1 })
  }

  /** One issue for each guard. */
  get issues(): readonly Issue[] {
    return [...this.#guards.values()]
  }

  /** One warning for each name at the top of the static configuration. */
  get warnings(): readonly Issue[] {
    return [...this.#others.values()].map(({ path, count }) => {
      const more = count > 1 ? `, with ${count} keys` : ''
      const message = `is part of Traefik's static configuration and is ignored${more}: write it into a traefik.toml`
      return { path, code: 'NOT_SUPPORTED', message }
    })
  }
}

const REMEDY =
  '"switchover convert" writes it into a traefik.toml (docs/migrating.md); then delete it in the store'

/** Returns a key as messages show it. Names in a store may hold any characters, so unusual ones are quoted. */
export function shownKey(path: string): string {
  return /^[\w./@:-]{1,300}$/.test(path) ? path : quote(path)
}
