import { nullRecord } from '../base/records.js'
import { eachOf, type Field, fieldNamed, insideOf, type ObjectField } from '../base/schema.js'
import { DOCUMENT } from './document-schema.js'

type Values = Readonly<Record<string, unknown>>

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
    const field = spelledBelow(raw, object.fields[name])
    const isTaken = name in fields || (name !== given && Object.hasOwn(value, name) && !isRecord(value[name]))
    if (!isTaken) fields[name] = field
    else if (isRecord(fields[name]) && isRecord(field)) fields[name] = merged(fields[name], field)
    // Two values of one field cannot be merged. The second keeps its spelling, so that validation refuses it.
    else fields[given] = field
  }
  return fields
}

function spelledBelow(value: unknown, field: Field | undefined): unknown {
  const [inside, each] = [insideOf(field), eachOf(field)]
  if (inside) return spelled(value, inside)
  if (!each || !isRecord(value)) return value
  const all = nullRecord<unknown>()
  for (const [name, entry] of Object.entries(value)) all[name] = spelled(entry, each)
  return all
}

/** Two spellings of one table. A field that stands in both, and is no table, keeps a name that validation refuses. */
function merged(first: Values, second: Values): Values {
  const all = Object.assign(nullRecord<unknown>(), first)
  for (const [name, value] of Object.entries(second)) {
    const before = all[name]
    if (!(name in all)) all[name] = value
    else if (isRecord(before) && isRecord(value)) all[name] = merged(before, value)
    else all[`${name} (in two spellings)`] = value
  }
  return all
}

/** Returns whether a value is a plain object. Parsers also make objects without fields, such as dates and maps. */
export function isRecord(value: unknown): value is Values {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
