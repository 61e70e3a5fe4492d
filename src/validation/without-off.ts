import type { Field, ObjectField } from '../base/field-kinds.js'
import { isRecord, nullRecord } from '../base/records.js'
import { eachOf, insideOf } from '../base/schema.js'
import { DOCUMENT } from './document-schema.js'
import { isOff } from './is-off.js'

/**
 * Returns a document without the fields that ask for nothing. Such a document is valid by `docs/schema.json`, which knows no
 * `null`. Unknown fields stay, so that validation refuses them.
 */
export function withoutOff(document: unknown): unknown {
  return trimmed(document, DOCUMENT)
}

function trimmed(value: unknown, object: ObjectField): unknown {
  if (!isRecord(value)) return value
  const fields = nullRecord<unknown>()
  for (const [name, inside] of Object.entries(value)) {
    const field = object.fields[name]
    if (!field) fields[name] = inside
    else if (!isOff(field, inside)) fields[name] = trimmedBelow(inside, field)
  }
  return fields
}

function trimmedBelow(value: unknown, field: Field): unknown {
  const [inside, each] = [insideOf(field), eachOf(field)]
  if (inside) return trimmed(value, inside)
  if (field.kind !== 'named' || !isRecord(value)) return value
  const all = nullRecord<unknown>()
  for (const [name, entry] of Object.entries(value))
    if (each) all[name] = trimmed(entry, each)
    else if (!isOff(field.of, entry)) all[name] = entry
  return all
}
