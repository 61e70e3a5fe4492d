import { pathOf, quote } from '../../base/messages.js'
import { nearestName } from '../../base/nearest-name.js'
import type { Issue } from '../../model/errors.js'
import {
  ENTRY_POINT_NAMES,
  GUARDING_STATIC_KEYS,
  STATIC_ONLY_NAMES,
  STATIC_TOP_NAMES,
} from '../../validation/static-keys/static-keys.js'

/**
 * What a key means in Traefik 1.7's static configuration, which Traefik reads below the same prefix as the document. `guard` is
 * the path of a security setting, such as `web.auth`. For every other key, `name` is its first part: a table or a key at the top
 * level.
 */
type KvStaticKey = { readonly guard: string } | { readonly name: string }

/**
 * Finds out what a key means in the static configuration. The case of letters does not matter, as in Traefik. A misspelt guard of
 * an entry point counts as that guard. If the proxy ignored it, clients that the guard excludes could get in.
 *
 * @param segments the key below the prefix, split at its slashes
 * @param value returns the key's value as text; called only if the value matters
 * @returns undefined if the key is not part of the static configuration
 */
function kvStaticKeyOf(segments: readonly string[], value: () => string): KvStaticKey | undefined {
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
 * Returns whether this table is the known name that is most similar to a misspelt name. The comparison with all names is slow,
 * and a document may have any number of keys. So it runs only for keys that already look like guards.
 */
function isMeant(given: string, top: string): boolean {
  return nearestName(given, NEAR_TOP) === top
}

/** The known names with which a misspelt first part of a key is compared. Fields of documents are checked elsewhere. */
const NEAR_TOP = [...STATIC_ONLY_NAMES, 'frontends', 'backends']

/** Returns the parts of a key below `entryPoints`, in which a misspelt field of the entry point is corrected. */
function inEntryPoint([own, field, ...rest]: readonly string[]): string[] {
  if (own === undefined || field === undefined) return own === undefined ? [] : [own]
  const known = IN_ENTRY_POINT.get(field.toLowerCase()) ?? nearestName(field, ENTRY_POINT_NAMES)
  return [own, known ?? field, ...rest]
}

const ENTRY_POINTS = 'entryPoints'
const bySmallName = (names: readonly string[]) => new Map(names.map((name) => [name.toLowerCase(), name]))
const TOPS = bySmallName(STATIC_TOP_NAMES)
const IN_ENTRY_POINT = bySmallName(ENTRY_POINT_NAMES)

/** The guards, with their paths split at the dots. `tls` is left out, because it is also a field of documents. */
const GUARDS = GUARDING_STATIC_KEYS.filter(({ path }) => path !== 'tls').map(({ path, kind }) => ({
  steps: path.split('.'),
  small: path.toLowerCase().split('.'),
  kind,
}))

const GUARDED_TOPS = [...new Set(GUARDS.map(({ steps }) => steps[0] as string))]

/** Returns the path of the guard that a key belongs to, or undefined if it belongs to no guard. */
function guardAt(names: readonly string[], value: () => string): string | undefined {
  for (const { steps, small, kind } of GUARDS) {
    const count = Math.min(steps.length, names.length)
    if (!isOnTheWay(small, names, count)) continue
    const isThere =
      names.length > steps.length || (names.length === steps.length && isSwitchedOn(kind, value()))
    // A whole table may be written as the text of one value, such as JSON. That text is not parsed, so it is treated as a guard.
    const isText = names.length < steps.length && mayHoldTable(steps[0] as string, value())
    if (isThere || isText) return pathTo(steps, names.slice(0, steps.length))
  }
  return undefined
}

/** Returns whether the first `count` parts of a key match the first parts of a guard's path. */
function isOnTheWay(small: readonly string[], names: readonly string[], count: number): boolean {
  for (let at = 0; at < count; at += 1)
    if (small[at] !== '*' && small[at] !== (names[at] as string).toLowerCase()) return false
  return true
}

/**
 * Returns whether a value turns its guard on. Any value that is not empty turns on a guard that is a table. All other guards are
 * off if the value is false. Traefik ignores empty values.
 */
function isSwitchedOn(kind: (typeof GUARDS)[number]['kind'], value: string): boolean {
  const text = value.trim()
  return text !== '' && (kind === 'table' || !/^(0|f|false)$/i.test(text))
}

/**
 * Returns whether a value may be a whole table, written as one text. For an entry point, that is every text of more than one
 * word, such as `Name:http Auth.Basic:a`. For all other tables, the text must look like JSON or TOML.
 */
function mayHoldTable(top: string, text: string): boolean {
  return top === ENTRY_POINTS ? !/^[\w.-]*$/.test(text) : /[{[=\n]/.test(text)
}

/**
 * Returns the path of a guard in which each `*` is replaced by the name that the operator chose, such as `entryPoints.http.auth`.
 */
function pathTo(steps: readonly string[], names: readonly string[]): string {
  return names.reduce((path, name, at) => pathOf(path, steps[at] === '*' ? name : (steps[at] as string)), '')
}

/**
 * Collects those keys of a store that belong to Traefik's static configuration. For each security setting there is an issue, and
 * an issue refuses the document. For all other keys there are warnings.
 */
export class StaticKeysOfStore {
  readonly #prefix: string
  readonly #isWithoutDocument: boolean
  readonly #guards = new Map<string, Issue>()
  readonly #others = new Map<string, { readonly path: string; count: number }>()

  /**
   * Starts without any keys.
   *
   * @param prefix the prefix of the keys, for messages
   * @param isWithoutDocument whether there is no document below this prefix. If there is one, `tls` is a field of that document
   */
  constructor(prefix: string, isWithoutDocument = false) {
    this.#prefix = prefix
    this.#isWithoutDocument = isWithoutDocument
  }

  /** Collects a key of the store if it belongs to the static configuration. @returns false for every other key */
  take(key: string, segments: readonly string[], bytes: Uint8Array): boolean {
    // Traefik may have compressed a value, so it may not be valid UTF-8. `toString` decodes such bytes without an error.
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

  /** The issues, one for each security setting. An issue refuses the document. */
  get issues(): readonly Issue[] {
    return [...this.#guards.values()]
  }

  /** The warnings about keys that are ignored, one for each table or key at the top level of the static configuration. */
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

/** Returns a key in the form that messages show. A name in a store may contain any character, so an unusual key is quoted. */
export function shownKey(path: string): string {
  return /^[\w./@:-]{1,300}$/.test(path) ? path : quote(path)
}
