import type { Field, ObjectField } from '../base/field-kinds.js'
import { isRecord, nullRecord } from '../base/records.js'
import { eachOf, fieldNamed, insideOf } from '../base/schema.js'
import { DOCUMENT } from './document-schema.js'

type Values = Record<string, unknown>

/**
 * Returns a document with its fields in the spelling that validation knows. Traefik takes them in any case (`loadbalancer`,
 * `Backend`). Two spellings of one table are merged. Names of frontends, backends, servers and routes stay as they are, and so
 * do unknown fields.
 */
export function withFieldCase(document: unknown): unknown {
  return spelled(document, DOCUMENT)
}

function spelled(value: unknown, object: ObjectField): unknown {
  if (!isRecord(value)) return value
  const fields = nullRecord<unknown>()
  for (const [given, raw] of Object.entries(value)) {
    const name = fieldNamed(object, given) ?? given
    const field = object.fields[name]
    put(fields, name, given, spelledBelow(raw, field), field)
  }
  return fields
}

/** Returns the value of a field with the fields in it spelled. Tables are copied, so that another spelling can be merged in. */
function spelledBelow(value: unknown, field: Field | undefined): unknown {
  const inside = insideOf(field)
  if (inside) return spelled(value, inside)
  if (field?.kind !== 'named' || !isRecord(value)) return value
  const each = eachOf(field)
  const all = nullRecord<unknown>()
  for (const [name, entry] of Object.entries(value)) all[name] = each ? spelled(entry, each) : entry
  return all
}

/** Puts a field. A second spelling of a table is merged into the first. A second value of any other field is refused. */
function put(fields: Values, name: string, given: string, value: unknown, field: Field | undefined): void {
  const before = fields[name]
  if (!(name in fields)) fields[name] = value
  else if (isTable(field) && isRecord(before) && isRecord(value)) merge(before as Values, value, field)
  else fields[refusedName(fields, given)] = value
}

/** Merges a spelled table into another one, in place. */
function merge(into: Values, from: Readonly<Values>, field: Field): void {
  const [inside, each] = [insideOf(field), eachOf(field)]
  for (const [name, value] of Object.entries(from)) put(into, name, name, value, each ?? inside?.fields[name])
}

function isTable(field: Field | undefined): field is Field {
  return field?.kind === 'object' || field?.kind === 'named'
}

/** Returns a name that validation refuses, for the second value of a field. A third value takes the place of the second. */
function refusedName(fields: Values, given: string): string {
  return given in fields ? `${given}${IN_TWO_SPELLINGS}` : given
}

/** What follows the name of a field whose second value cannot stand under a spelling of its own. */
const IN_TWO_SPELLINGS = ' (in two spellings)'

/** Returns the spelling of a field that an object has twice, if the given name stands for the second one. */
export function spelledTwice(object: ObjectField, given: string, fields: object): string | undefined {
  const name = nameOnce(given, fields) ?? given
  const known = fieldNamed(object, name)
  return known !== undefined && known !== given && Object.hasOwn(fields, known) ? name : undefined
}

/** Returns the name that a given one stands for, if two merged tables have it. */
export function nameOnce(given: string, names: object): string | undefined {
  if (!given.endsWith(IN_TWO_SPELLINGS)) return undefined
  const name = given.slice(0, -IN_TWO_SPELLINGS.length)
  return Object.hasOwn(names, name) ? name : undefined
}
