import { pathOf, quote } from '../../base/messages.js'
import { nearestName } from '../../base/nearest-name.js'
import type { Issue } from '../../model/errors.js'
import {
  ENTRY_POINT_NAMES,
  GUARDING_STATIC_KEYS,
  STATIC_TOP_NAMES,
} from '../../validation/guarding-static-keys.js'

/**
 * What a key below the prefix is in Traefik 1.7's static configuration, which Traefik reads there too. `guard`: the path of
 * something that guards. `name`: the table or key at the top that any other key belongs to.
 */
export type KvStaticKey = { readonly guard: string } | { readonly name: string }

/**
 * Finds a key's place in the static configuration, in any case of letters, as Traefik does. A misspelt guard of an entry point
 * counts as that guard: it may say who may come in.
 *
 * @param segments of the key, below the prefix
 * @param value read only where it matters
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

/** Whether no other name is nearer. There may be any number of other keys, so few are compared with all names. */
function isMeant(given: string, top: string): boolean {
  return nearestName(given, NEAR_TOP) === top
}

/** What a misspelt name may mean: in a document, another check is for that. */
const NEAR_TOP = [...STATIC_TOP_NAMES.filter((name) => name !== 'tls'), 'frontends', 'backends']

/** The names in an entry point, one of which may be misspelt. */
function inEntryPoint([own, field, ...rest]: readonly string[]): string[] {
  if (own === undefined || field === undefined) return own === undefined ? [] : [own]
  const known = IN_ENTRY_POINT.get(field.toLowerCase()) ?? nearestName(field, ENTRY_POINT_NAMES)
  return [own, known ?? field, ...rest]
}

const ENTRY_POINTS = 'entryPoints'
const bySmallName = (names: readonly string[]) => new Map(names.map((name) => [name.toLowerCase(), name]))
const TOPS = bySmallName(STATIC_TOP_NAMES)
const IN_ENTRY_POINT = bySmallName(ENTRY_POINT_NAMES)

/** Patterns, step by step. A document's own `tls` is none of the static configuration. */
const GUARDS = GUARDING_STATIC_KEYS.filter(([path]) => path !== 'tls').map(([path, kind]) => ({
  steps: path.split('.'),
  small: path.toLowerCase().split('.'),
  kind,
}))

const GUARDED_TOPS = [...new Set(GUARDS.map(({ steps }) => steps[0] as string))]

function guardAt(names: readonly string[], value: () => string): string | undefined {
  for (const { steps, small, kind } of GUARDS) {
    const count = Math.min(steps.length, names.length)
    if (!isOnTheWay(small, names, count)) continue
    const isThere = names.length > steps.length || (names.length === steps.length && asks(kind, value()))
    // A whole table in one text: what stands in it is not looked into, and may guard.
    const isText = names.length < steps.length && mayHoldTable(steps[0] as string, value())
    if (isThere || isText) return pathTo(steps, names.slice(0, steps.length))
  }
  return undefined
}

function isOnTheWay(small: readonly string[], names: readonly string[], count: number): boolean {
  for (let at = 0; at < count; at += 1)
    if (small[at] !== '*' && small[at] !== (names[at] as string).toLowerCase()) return false
  return true
}

/** Whether a value asks for anything: a table does, whatever stands there; Traefik takes no notice of empty values. */
function asks(kind: (typeof GUARDS)[number]['kind'], value: string): boolean {
  const text = value.trim()
  return text !== '' && (kind === 'table' || !/^(0|f|false)$/i.test(text))
}

/** An entry point's text is anything but a word (`Name:http Auth.Basic:a`); that of other tables is JSON or TOML. */
function mayHoldTable(top: string, text: string): boolean {
  return top === ENTRY_POINTS ? !/^[\w.-]*$/.test(text) : /[{[=\n]/.test(text)
}

function pathTo(steps: readonly string[], names: readonly string[]): string {
  return names.reduce((path, name, at) => pathOf(path, steps[at] === '*' ? name : (steps[at] as string)), '')
}

/** Traefik's static configuration, as far as it stands among the keys of a document: what guards refuses, the rest is told. */
export class StaticKeysOfStore {
  readonly #prefix: string
  readonly #isBeside: boolean
  readonly #guards = new Map<string, Issue>()
  readonly #others = new Map<string, { readonly path: string; count: number }>()

  /**
   * @param prefix where the keys stand, for messages
   * @param isBeside whether no document stands there, of which `tls` would be a field
   */
  constructor(prefix: string, isBeside = false) {
    this.#prefix = prefix
    this.#isBeside = isBeside
  }

  /** @returns false for a key that is none of the static configuration */
  take(key: string, segments: readonly string[], bytes: Uint8Array): boolean {
    // Traefik keeps compressed values there too, which are no text.
    const found = kvStaticKeyOf(segments, () => Buffer.from(bytes).toString('utf8'))
    if (!found) return false
    if ('guard' in found) this.#refuse(found.guard, key)
    else if (this.#isBeside && found.name === 'tls' && bytes.length > 0) this.#refuse('tls', key)
    else this.#count(found.name, segments.find((segment) => segment !== '') ?? '')
    return true
  }

  #refuse(path: string, key: string): void {
    if (this.#guards.has(path)) return
    const place = shownKey(`${this.#prefix}/${key}`)
    const message = `${place} is of Traefik's static configuration, and guards: it is not honoured from a store. ${REMEDY}`
    this.#guards.set(path, { path, code: 'NOT_SUPPORTED', message })
  }

  #count(name: string, given: string): void {
    const known = this.#others.get(name)
    if (known) known.count += 1
    else this.#others.set(name, { path: shownKey(`${this.#prefix}/${given}`), count: 1 })
  }

  /** One for each guard. */
  get issues(): readonly Issue[] {
    return [...this.#guards.values()]
  }

  /** One for each name at the top of a static configuration. */
  get warnings(): readonly Issue[] {
    return [...this.#others.values()].map(({ path, count }) => {
      const more = count > 1 ? `, with ${count} keys` : ''
      const message = `is of Traefik's static configuration, and left out${more}: write it into a traefik.toml`
      return { path, code: 'NOT_SUPPORTED', message }
    })
  }
}

const REMEDY =
  '"switchover convert" writes it into a traefik.toml (docs/migrating.md); then delete it in the store'

/** A key for people: names come from the store, and may be anything. */
export function shownKey(path: string): string {
  return /^[\w./@:-]{1,300}$/.test(path) ? path : quote(path)
}
