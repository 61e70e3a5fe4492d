import { asksForNothing } from '../base/asks-for-nothing.js'
import type { Field, ObjectField } from '../base/schema.js'
import { isObject } from './plain-objects.js'

/** Returns whether a value asks for nothing at its field. Such a value counts as absent. */
export function isOff(field: Field, value: unknown): boolean {
  if (value === undefined || value === null) return true
  switch (field.kind) {
    case 'text':
    case 'duration':
    case 'choice':
    case 'own':
      return value === ''
    case 'list':
      return value === '' || value === false || (Array.isArray(value) && value.length === 0)
    case 'named':
      return value === '' || value === false
    case 'object':
      return value === '' || value === false || (!field.isOnWhenEmpty && isEmptyObject(field, value))
    default:
      return false
  }
}

/** Returns whether an object has known fields alone, and none of them asks for anything. */
function isEmptyObject({ fields }: ObjectField, value: unknown): boolean {
  return asksForNothing(value) && isObject(value) && Object.keys(value).every((name) => name in fields)
}
