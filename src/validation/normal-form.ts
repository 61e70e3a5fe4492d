import type { Field, NamedField, ObjectField } from '../base/field-kinds.js'
import { parseDuration } from '../base/parse-duration.js'
import { isRecord, nullRecord } from '../base/records.js'
import { eachOf, insideOf } from '../base/schema.js'
import { isOff } from './is-off.js'

/**
 * Returns an entry of a valid document in the one form that all spellings of it have: what is off or empty is left out, durations
 * are whole milliseconds, and no default is filled in. Digests rest on it, so a change of this form is a new version of digests.
 *
 * A document that was delivered for a filter may have fields and values that the schema lacks. They stay as they are.
 *
 * @param entry with its fields as `withFieldCase` spells them
 */
export function normalForm(entry: unknown, object: ObjectField): unknown {
  if (!isRecord(entry)) return entry
  const fields = nullRecord<unknown>()
  for (const [name, value] of Object.entries(entry)) {
    const field = object.fields[name]
    const normal = field === undefined ? value : normalValue(value, field)
    if (normal !== undefined) fields[name] = normal
  }
  return fields
}

/** Returns a value in normal form; undefined for one that asks for nothing. */
function normalValue(value: unknown, field: Field): unknown {
  if (isOff(field, value)) return undefined
  const inside = insideOf(field)
  if (inside) return unlessEmpty(normalForm(value, inside), inside.isOnWhenEmpty)
  if (field.kind === 'named') return unlessEmpty(normalNames(value, field))
  if (field.kind === 'list') return Array.isArray(value) && value.length === 0 ? undefined : value
  if (field.kind === 'duration') return wholeMs(value)
  if (field.kind === 'text' && typeof value === 'number') return String(value)
  return value
}

/** Returns a duration in whole milliseconds. A text that is none stays: it may be a placeholder, which a filter replaces. */
function wholeMs(value: unknown): unknown {
  const ms = parseDuration(value)
  // 0 would mean no duration, and validation refuses it.
  return ms === undefined ? value : Math.max(1, Math.round(ms))
}

function normalNames(value: unknown, field: NamedField): unknown {
  if (!isRecord(value)) return value
  const all = nullRecord<unknown>()
  const each = eachOf(field)
  for (const [name, inside] of Object.entries(value)) {
    const normal = each ? normalForm(inside, each) : normalValue(inside, field.of)
    if (normal !== undefined) all[name] = normal
  }
  return all
}

function unlessEmpty(value: unknown, isKept?: boolean): unknown {
  const isEmpty = isRecord(value) && Object.keys(value).length === 0
  return isEmpty && !isKept ? undefined : value
}
