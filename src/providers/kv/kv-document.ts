import { pathOf, quote } from '../../base/messages.js'
import { nearestName } from '../../base/nearest-name.js'
import { nullRecord } from '../../base/records.js'
import { describeIssues, type Issue, ProxyError } from '../../model/errors.js'
import { DOCUMENT_SCOPE, type FieldScope, fieldOf } from '../../validation/field-case.js'
import { KeyCounts } from './kv-counts.js'
import { StaticKeysOfStore, shownKey } from './kv-static-keys.js'

/** A key below a prefix, without the prefix and the slash behind it, and its value. */
export interface KvEntry {
  readonly key: string
  readonly value: Uint8Array
}

/** What is no text in a document; every value in a store is one. Source: Traefik 1.7's KV template. */
const KINDS: Readonly<Record<string, (text: string) => unknown>> = {
  priority: numberOf,
  weight: numberOf,
  maxRequestBodyBytes: numberOf,
  port: numberOf,
  unhealthyThreshold: numberOf,
  healthyThreshold: numberOf,
  consecutiveFailures: numberOf,
  failureShare: numberOf,
  minimumRequests: numberOf,
  maxEjectedShare: numberOf,
  amount: numberOf,
  size: numberOf,
  maxConnections: numberOf,
  passHostHeader: flagOf,
  useXForwardedFor: flagOf,
  sticky: flagOf,
  secure: flagOf,
  httpOnly: flagOf,
  entryPoints: listOf,
  sourceRange: listOf,
}

/** Folders that are switched on by a value of their own too. */
const SWITCHES = new Set(['stickiness'])

/** Keys of Traefik's own: its leader election, the alias. */
const BESIDE = new Set(['alias', 'leader', 'leader___lock'])

type Fields = Record<string, unknown>

/**
 * The document that keys of Traefik 1.7's layout make: `frontends/web/routes/main/rule`, lists by index or with commas,
 * names of fields in any case. `version` is ours: the document's own label.
 *
 * @param prefix where the keys stand, for messages
 * @param beside what stands of a static configuration below another prefix, which counts too
 * @param warn told of keys that are none of the layout, or of a static configuration: once for all below one place
 * @throws ProxyError `PROXY_CONFIG_UNUSABLE` for a value that is no UTF-8, `PROXY_CONFIG_INVALID` for a field that stands
 * twice, or in no field of which there are fields, and for what guards in a static configuration
 */
export function* documentOfKeys(
  entries: Iterable<KvEntry>,
  prefix: string,
  warn: (warning: Issue) => void = () => {},
  beside?: { readonly entries: Iterable<KvEntry>; readonly prefix: string },
): Generator<void, unknown> {
  const layout = new KvLayout(prefix)
  for (const { key, value } of entries) {
    layout.take(key, value)
    yield
  }
  const others = new StaticKeysOfStore(beside?.prefix ?? prefix, true)
  for (const { key, value } of beside?.entries ?? []) {
    others.take(key, key.split('/'), value)
    yield
  }
  return layout.document(warn, others)
}

/** Whether there are any, beside what a user interface of a store makes for folders. */
export function hasKeys(entries: readonly KvEntry[]): boolean {
  return entries.some((entry) => !isFolder(entry))
}

function isFolder({ key, value }: KvEntry): boolean {
  return value.length === 0 && (key === '' || key.endsWith('/'))
}

class KvLayout {
  readonly #prefix: string
  readonly #document = { frontends: nullRecord<unknown>(), backends: nullRecord<unknown>() }
  readonly #strangers = new Map<string, number>()
  readonly #statics: StaticKeysOfStore
  readonly #issues: Issue[] = []
  readonly #counts: KeyCounts
  readonly #lists: { readonly fields: Fields; readonly name: string; readonly list: IndexedList }[] = []
  readonly #utf8 = new TextDecoder('utf-8', { fatal: true })

  constructor(prefix: string) {
    this.#prefix = prefix
    this.#statics = new StaticKeysOfStore(prefix)
    this.#counts = new KeyCounts(prefix)
  }

  take(key: string, bytes: Uint8Array): void {
    if (isFolder({ key, value: bytes })) return
    const segments = key.split('/')
    if (segments.length === 1 && BESIDE.has(key)) return
    const [first = ''] = segments
    const field = fieldOf(DOCUMENT_SCOPE.shape, first)
    if (field === undefined && this.#statics.take(key, segments, bytes)) return
    const value = this.#textOf(key, bytes)
    const kind = KINDS_OF_ENTRIES.find((name) => name === field)
    // What stands near to where it should is not left out: it may say who may come in.
    const isNear =
      kind === undefined && segments.length > 2 && nearestName(first, KINDS_OF_ENTRIES) !== undefined
    this.#counts.key(key, isNear || kind !== undefined)
    if (isNear || (kind !== undefined && segments.includes(''))) this.#misplaced(segments)
    else if (segments.includes('')) this.#strange(key)
    else this.#inPlace(this.#document, DOCUMENT_SCOPE, segments, 0, value)
  }

  document(warn: (warning: Issue) => void, beside: StaticKeysOfStore): unknown {
    for (const [place, count] of this.#strangers) {
      const message = `is no key of the layout, and left out${count > 1 ? `, with ${count} keys` : ''}`
      warn({ path: shownKey(`${this.#prefix}/${place}`), code: 'UNKNOWN_FIELD', message })
    }
    for (const warning of [...this.#statics.warnings, ...beside.warnings]) warn(warning)
    const issues = [...this.#statics.issues, ...beside.issues, ...this.#issues]
    if (issues.length > 0) throw new ProxyError('PROXY_CONFIG_INVALID', describeIssues(issues), { issues })
    for (const { fields, name, list } of this.#lists) fields[name] = list.inOrder()
    return this.#document
  }

  #textOf(key: string, bytes: Uint8Array): string {
    try {
      return this.#utf8.decode(bytes)
    } catch (cause) {
      const message = `${quote(`${this.#prefix}/${key}`)}: the value is no UTF-8`
      throw new ProxyError('PROXY_CONFIG_UNUSABLE', message, { cause })
    }
  }

  /** Puts a value where its key says, from a place on downwards. */
  #inPlace(fields: Fields, place: FieldScope, segments: readonly string[], at: number, value: string): void {
    const given = segments[at] as string
    const rest = segments.slice(at + 1)
    const name = fieldOf(place.shape, given)
    if (name === undefined) return this.#unknown(fields, place, segments, at, value)
    const inside = place.inside?.[name]
    if (inside && rest.length > 0)
      return this.#inPlace(folderIn(fields, name), inside, segments, at + 1, value)
    const each = place.each?.[name]
    if (each && rest.length > 1)
      return this.#inPlace(folderIn(folderIn(fields, name), rest[0] as string), each, segments, at + 2, value)
    const [own] = rest
    if (own !== undefined && rest.length === 1 && place.open?.includes(name)) {
      folderIn(fields, name)[own] = value
      return
    }
    // It will be refused by its name, whatever it holds. Whether it asks for anything is told from what is off.
    if (place.shape.later.includes(name)) fields[name] = fields[name] === true || !isOff(value)
    else if (inside && SWITCHES.has(name)) {
      // Its defaults, unless there is more of it.
      if (flagOf(value) !== false) folderIn(fields, name)
    } else if (inside || each || rest.length > 1) this.#misplaced(segments)
    else this.#put(fields, name, segments, rest, value)
  }

  /** A field that is built: with an index behind it, it is one of a list. */
  #put(
    fields: Fields,
    name: string,
    segments: readonly string[],
    rest: readonly string[],
    value: string,
  ): void {
    const [index] = rest
    const kind = Object.hasOwn(KINDS, name) ? KINDS[name] : undefined
    if (index === undefined) {
      if (name in fields) return this.#twice(segments)
      if (kind === listOf) this.#counts.items(segments.join('/'), value)
      fields[name] = kind ? kind(value) : value
      return
    }
    if (kind !== listOf || !/^(0|[1-9]\d{0,8})$/.test(index)) return this.#misplaced(segments)
    const list = fields[name] ?? new IndexedList()
    if (!(list instanceof IndexedList)) return this.#twice(segments)
    if (!(name in fields)) this.#lists.push({ fields, name, list })
    fields[name] = list
    if (!list.add(Number(index), value)) this.#twice(segments)
  }

  /** One that looks like a misspelt field, or belongs one place further down, is refused: it may say who may come in. */
  #unknown(fields: Fields, place: FieldScope, segments: readonly string[], at: number, value: string): void {
    const given = segments[at] as string
    const { shape, inside = {}, each = {} } = place
    const isBelow = [...Object.values(inside), ...Object.values(each)].some((one) =>
      fieldOf(one.shape, given),
    )
    if (at > 0 && isBelow) this.#misplaced(segments)
    else if (at > 0 && nearestName(given, [...shape.now, ...shape.later]) !== undefined) fields[given] = value
    else this.#strange(segments.slice(0, at + 1).join('/'))
  }

  #strange(place: string): void {
    // Names come from the store, and there may be any number.
    const known = this.#strangers.has(place) || this.#strangers.size < MAX_STRANGERS ? place : OTHERS
    this.#strangers.set(known, (this.#strangers.get(known) ?? 0) + 1)
  }

  #misplaced(segments: readonly string[]): void {
    const path = segments.slice(0, MAX_SHOWN_SEGMENTS).reduce(pathOf, '')
    this.#issues.push({
      path,
      code: 'INVALID_VALUE',
      message: 'this key is no place of the layout, but near to one',
    })
  }

  #twice(segments: readonly string[]): void {
    const path = segments.slice(0, MAX_SHOWN_SEGMENTS).reduce(pathOf, '')
    const message = 'stands twice: in two spellings, or as a list of commas and as one of indices'
    this.#issues.push({ path, code: 'DUPLICATE_NAME', message })
  }
}

const KINDS_OF_ENTRIES = ['frontends', 'backends'] as const

const MAX_SHOWN_SEGMENTS = 16

/** So many places that are none of the layout are named. */
const MAX_STRANGERS = 20
const OTHERS = '...'

/** A list that is given item by item, in the order of texts: 10 before 9. */
class IndexedList {
  readonly #items = new Map<number, string>()

  /** @returns false if there is one already */
  add(index: number, item: string): boolean {
    if (this.#items.has(index)) return false
    this.#items.set(index, item)
    return true
  }

  inOrder(): readonly string[] {
    return [...this.#items].sort(([a], [b]) => a - b).map(([, item]) => item)
  }
}

function folderIn(fields: Fields, name: string): Fields {
  const found = fields[name]
  if (typeof found === 'object' && found !== null) return found as Fields
  const folder = nullRecord<unknown>()
  fields[name] = folder
  return folder
}

/** What is no number stays as it is, and is refused where it stands. */
function numberOf(text: string): unknown {
  return /^\s*[+-]?\d+(\.\d+)?\s*$/.test(text) ? Number(text) : text
}

/** As Go reads them, in which Traefik is written. */
function flagOf(text: string): unknown {
  const word = text.trim()
  if (/^(1|t|T|true|TRUE|True)$/.test(word)) return true
  return /^(0|f|F|false|FALSE|False)$/.test(word) ? false : text
}

function isOff(text: string): boolean {
  return text.trim() === '' || flagOf(text) === false
}

function listOf(text: string): unknown {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
}
