import type { Field, ObjectField } from '../../base/field-kinds.js'
import { pathOf, quote } from '../../base/messages.js'
import { nearestName } from '../../base/nearest-name.js'
import { nullRecord } from '../../base/records.js'
import { eachOf, fieldNamed, insideOf } from '../../base/schema.js'
import { configInvalid, type Issue, ProxyError } from '../../model/errors.js'
import { DOCUMENT } from '../../validation/document-schema.js'
import { IndexedList } from './indexed-list.js'
import { KeyCounts } from './kv-counts.js'
import { isFolder } from './kv-entry.js'
import { StaticKeysOfStore, shownKey } from './kv-static-keys.js'
import { type Fields, flagOf, folderIn, isOff, putLater, readValue } from './kv-values.js'

/** Where a value of a store belongs: a field of an object, and the segments of its key. */
interface FieldPlace {
  readonly values: Fields
  readonly name: string
  readonly field: Field
  readonly segments: readonly string[]
  /** The segments that follow the name of the field. */
  readonly rest: readonly string[]
}

/** Keys that Traefik itself writes next to the configuration: the alias, and those of its leader election. */
const RESERVED_KEYS = new Set(['alias', 'leader', 'leader___lock'])

/** Sections of the layout. Below each of them, the operator chooses the names of the entries. */
const SECTIONS = ['frontends', 'backends'] as const

/** Maximum segments of a key that an issue shows. Keys come from the store and may be very long. */
const MAX_SHOWN_SEGMENTS = 16

/** Maximum places outside the layout that warnings name. All further places are counted under `OTHERS`. */
const MAX_SHOWN_PLACES = 20
const OTHERS = '...'

/** Puts keys of Traefik 1.7's layout, one after another, where they belong in a document. */
export class KvLayout {
  readonly #prefix: string
  readonly #document = { frontends: nullRecord<unknown>(), backends: nullRecord<unknown>() }
  /** Places outside the layout, with the number of keys at each. */
  readonly #ignored = new Map<string, number>()
  readonly #statics: StaticKeysOfStore
  readonly #issues: Issue[] = []
  readonly #counts: KeyCounts
  /** Lists that are given by index. They become plain arrays once all keys are known. */
  readonly #lists: { readonly fields: Fields; readonly name: string; readonly list: IndexedList }[] = []
  readonly #utf8 = new TextDecoder('utf-8', { fatal: true })

  /** @param prefix the prefix of the keys, for messages */
  constructor(prefix: string) {
    this.#prefix = prefix
    this.#statics = new StaticKeysOfStore(prefix)
    this.#counts = new KeyCounts(prefix)
  }

  /**
   * Takes one key of the store.
   *
   * @throws ProxyError `PROXY_CONFIG_UNUSABLE` for a value that is not UTF-8, and for more than `KeyCounts` allows
   */
  take(key: string, bytes: Uint8Array): void {
    if (isFolder({ key, value: bytes })) return
    const segments = key.split('/')
    if (segments.length === 1 && RESERVED_KEYS.has(key)) return
    const [first = ''] = segments
    const field = fieldNamed(DOCUMENT, first)
    if (field === undefined && this.#statics.take(key, segments, bytes)) return
    const value = this.#textOf(key, bytes)
    const section = SECTIONS.find((name) => name === field)
    // A misspelt section is refused, not ignored: its keys may restrict access to a frontend.
    const isMisspelt =
      section === undefined && segments.length > 2 && nearestName(first, SECTIONS) !== undefined
    this.#counts.key(key, isMisspelt || section !== undefined)
    if (isMisspelt || (section !== undefined && segments.includes(''))) this.#misplaced(segments)
    else if (segments.includes('')) this.#ignore(key)
    else this.#inPlace(this.#document, DOCUMENT, segments, 0, value)
  }

  /**
   * Returns the document of all keys.
   *
   * @param warn called for each group of ignored keys
   * @param ownPrefix reports the keys of Traefik's static configuration below the provider's own prefix
   * @throws ProxyError `PROXY_CONFIG_INVALID` with an issue for each key that is refused
   */
  document(warn: (warning: Issue) => void, ownPrefix: StaticKeysOfStore): unknown {
    for (const [place, count] of this.#ignored) {
      const message = `is not a key of the layout and is ignored${count > 1 ? `, with ${count} keys` : ''}`
      warn({ path: shownKey(`${this.#prefix}/${place}`), code: 'UNKNOWN_FIELD', message })
    }
    for (const warning of [...this.#statics.warnings, ...ownPrefix.warnings]) warn(warning)
    const issues = [...this.#statics.issues, ...ownPrefix.issues, ...this.#issues]
    if (issues.length > 0) throw configInvalid(issues)
    for (const { fields, name, list } of this.#lists) fields[name] = list.inOrder()
    return this.#document
  }

  /** Returns a value as text. @throws ProxyError `PROXY_CONFIG_UNUSABLE` for a value that is not UTF-8 */
  #textOf(key: string, bytes: Uint8Array): string {
    try {
      return this.#utf8.decode(bytes)
    } catch (cause) {
      const message = `${quote(`${this.#prefix}/${key}`)}: the value is not valid UTF-8`
      throw new ProxyError('PROXY_CONFIG_UNUSABLE', message, { cause })
    }
  }

  /**
   * Puts a value into the document. The first `at` segments of its key have led to an object, whose values are in `values`. The
   * other segments lead further down. `isInside` says that the object is a field of an entry, such as a white list.
   */
  #inPlace(
    values: Fields,
    object: ObjectField,
    segments: readonly string[],
    at: number,
    value: string,
    isInside = false,
  ): void {
    const rest = segments.slice(at + 1)
    const name = fieldNamed(object, segments[at] as string)
    const field = name === undefined ? undefined : object.fields[name]
    if (name === undefined || !field) return this.#unknown(values, object, segments, at, value, isInside)
    const [inside, each] = [insideOf(field), eachOf(field)]
    if (inside && rest.length > 0)
      return this.#inPlace(folderIn(values, name), inside, segments, at + 1, value, true)
    if (each && rest.length > 1)
      return this.#inPlace(folderIn(folderIn(values, name), rest[0] as string), each, segments, at + 2, value)
    this.#atField({ values, name, field, segments, rest }, value)
  }

  /** Puts a value at a field. */
  #atField(place: FieldPlace, value: string): void {
    const { values, name, field, segments, rest } = place
    const [own] = rest
    const inside = insideOf(field)
    if (field.kind === 'named' && !eachOf(field) && own !== undefined && rest.length === 1) {
      const folder = folderIn(values, name)
      if (own in folder) return this.#twice(segments)
      folder[own] = readValue(field.of, value)
      return
    }
    if (field.kind === 'later') putLater(values, name, rest, value)
    else if (inside?.isOnWhenEmpty) {
      // The empty folder means the defaults of the field. Other keys may add fields to it.
      if (flagOf(value) === true) folderIn(values, name)
      else if (!isOff(value)) this.#misplaced(segments)
    } else if (inside || field.kind === 'named' || rest.length > 1) this.#misplaced(segments)
    else this.#put(place, value)
  }

  /** Puts a supported field. A key with an index after the name of the field holds one item of a list. */
  #put({ values, name, field, segments, rest }: FieldPlace, value: string): void {
    const [index] = rest
    if (index === undefined) {
      if (name in values) return this.#twice(segments)
      if (field.kind === 'list') this.#counts.items(segments.join('/'), value)
      values[name] = readValue(field, value)
      return
    }
    if (field.kind !== 'list' || !/^(0|[1-9]\d{0,8})$/.test(index)) return this.#misplaced(segments)
    const list = values[name] ?? new IndexedList()
    if (!(list instanceof IndexedList)) return this.#twice(segments)
    if (!(name in values)) this.#lists.push({ fields: values, name, list })
    values[name] = list
    if (!list.add(Number(index), value)) this.#twice(segments)
  }

  /**
   * Handles a key that names no field of its object. A misspelt or misplaced field is refused, because it may restrict access. So
   * is every unknown field of an object within an entry. Every other key is ignored with a warning.
   */
  #unknown(
    values: Fields,
    object: ObjectField,
    segments: readonly string[],
    at: number,
    value: string,
    isInside: boolean,
  ): void {
    const given = segments[at] as string
    const isBelow = Object.values(object.fields).some((field) => {
      const below = insideOf(field) ?? eachOf(field)
      return below && fieldNamed(below, given) !== undefined
    })
    if (at > 0 && isBelow) this.#misplaced(segments)
    else if (isInside || (at > 0 && nearestName(given, Object.keys(object.fields)) !== undefined))
      values[given] = value
    else this.#ignore(segments.slice(0, at + 1).join('/'))
  }

  /** Counts an ignored key. */
  #ignore(place: string): void {
    // The store may hold any number of such names, so only the first ones are kept.
    const known = this.#ignored.has(place) || this.#ignored.size < MAX_SHOWN_PLACES ? place : OTHERS
    this.#ignored.set(known, (this.#ignored.get(known) ?? 0) + 1)
  }

  /** Notes a key that is refused, because it looks like a misspelt or misplaced one. */
  #misplaced(segments: readonly string[]): void {
    const path = segments.slice(0, MAX_SHOWN_SEGMENTS).reduce(pathOf, '')
    this.#issues.push({
      path,
      code: 'INVALID_VALUE',
      message: 'this key is not part of the layout, but looks like a misspelt or misplaced key of it',
    })
  }

  /** Notes a field that has two values. */
  #twice(segments: readonly string[]): void {
    const path = segments.slice(0, MAX_SHOWN_SEGMENTS).reduce(pathOf, '')
    const message = 'is given twice: in two spellings, or both as a list with commas and by index'
    this.#issues.push({ path, code: 'DUPLICATE_NAME', message })
  }
}
