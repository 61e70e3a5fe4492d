import { types } from 'node:util'
import { describeValue } from '../base/messages.js'
import { asError } from '../model/errors.js'

/**
 * Returns whether a value is an object with fields. The entries of a map or set are not fields, so they would be left out
 * silently. A date of TOML has no fields.
 */
export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && kindOf(value) === undefined
}

function kindOf(value: object): string | undefined {
  if (types.isMap(value)) return 'a Map'
  if (types.isSet(value)) return 'a Set'
  return types.isDate(value) ? 'a date' : undefined
}

export function describe(value: unknown): string {
  if (Array.isArray(value) && value.length === 0) return 'an empty list'
  return (typeof value === 'object' && value !== null && kindOf(value)) || describeValue(value)
}

/** Copies plain data, or says why it is none. */
export function clone(value: unknown): { readonly copy?: unknown; readonly flaw?: string } {
  try {
    return { copy: structuredClone(value) }
  } catch (thrown) {
    const why = thrown instanceof RangeError ? 'it is nested too deep' : asError(thrown).message
    return { flaw: `expected plain data: ${why}` }
  }
}

/** Describes a value in the place of a secret, by its kind alone. */
export function describeSecret(value: unknown): string {
  if (typeof value === 'number') return 'a number'
  return typeof value === 'string' ? 'a text' : describe(value)
}

/** Returns whether a field is inherited or not enumerable, in a word for that. Reading own fields would leave it out. */
export function hiddenAs(value: object, name: string): 'inherited' | 'not enumerable' | undefined {
  if (!(name in value) || isEnumerable(value, name) || name in Object.prototype) return undefined
  return Object.hasOwn(value, name) ? 'not enumerable' : 'inherited'
}

function isEnumerable(value: object, name: string): boolean {
  return Object.prototype.propertyIsEnumerable.call(value, name)
}

/** Reads a field. A getter that throws may hide a guard, so it counts as a field that asks for something. */
export function valueIn(fields: object, name: string): unknown {
  try {
    return (fields as Readonly<Record<string, unknown>>)[name]
  } catch {
    return true
  }
}
