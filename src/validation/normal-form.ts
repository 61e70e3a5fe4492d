import type { Field, ObjectField } from '../base/field-kinds.js'
import { parseDuration } from '../base/parse-duration.js'
import { nullRecord } from '../base/records.js'
import { eachOf, insideOf } from '../base/schema.js'
import { isOff } from './is-off.js'
import { isRecord } from './with-field-case.js'

/**
 * Returns an entry of a valid document in the one form that all spellings of it have: what is off or empty is left out, durations
 * are whole milliseconds, and no default is filled in. Digests rest on it, so a change of this form is a new version of digests.
 *
 * @param entry with its fields as `withFieldCase` spells them
 */
export function normalForm(entry: unknown, object: ObjectField): Readonly<Record<string, unknown>> {
  const fields = nullRecord<unknown>()
  if (!isRecord(entry)) return fields
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
  if (field.kind === 'named') return unlessEmpty(normalNames(value, field.of))
  if (field.kind === 'list') return Array.isArray(value) && value.length === 0 ? undefined : value
  // 0 would mean no duration, and validation refuses it.
  if (field.kind === 'duration') return Math.max(1, Math.round(parseDuration(value) ?? Number.NaN))
  if (field.kind === 'text' && typeof value === 'number') return String(value)
  return value
}

function normalNames(value: unknown, of: Field): Readonly<Record<string, unknown>> {
  const all = nullRecord<unknown>()
  if (!isRecord(value)) return all
  const each = eachOf({ kind: 'named', meaning: '', of })
  for (const [name, inside] of Object.entries(value)) {
    if (each) all[name] = normalForm(inside, each)
    else if (!isOff(of, inside)) all[name] = inside
  }
  return all
}

function unlessEmpty(fields: Readonly<Record<string, unknown>>, isKept?: boolean): object | undefined {
  return isKept || Object.keys(fields).length > 0 ? fields : undefined
}
