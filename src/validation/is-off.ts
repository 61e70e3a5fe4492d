import { asksForNothing, isEmptyObject } from '../base/asks-for-nothing.js'
import type { Field, ObjectField } from '../base/field-kinds.js'

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
      return field.isOffWhenEmpty === true && asksForNothing(value)
    case 'named':
      return value === '' || value === false
    case 'object':
      return value === '' || value === false || (!field.isOnWhenEmpty && isEmptyOf(field, value))
    case 'later':
      return asksForNothing(value)
    default:
      return false
  }
}

/** Returns whether an object has known fields alone, and all of them are `null`. */
function isEmptyOf({ fields }: ObjectField, value: unknown): boolean {
  return isEmptyObject(value) && Object.keys(value as object).every((name) => name in fields)
}
