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

/**
 * Returns whether an object has known fields alone, and each of them is off. A flag that is false is not off, and neither is an
 * empty list: a white list with `useXForwardedFor: false`, or with an empty `sourceRange`, was meant to be one.
 */
function isEmptyObject({ fields }: ObjectField, value: unknown): boolean {
  if (!isObject(value)) return false
  return Object.entries(value).every(([name, inside]) => {
    const field = fields[name]
    if (!field) return false
    if (field.kind === 'later') return asksForNothing(inside)
    return isOff(field, inside) && !Array.isArray(inside)
  })
}
