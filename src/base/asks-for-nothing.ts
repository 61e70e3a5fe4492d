import { types } from 'node:util'
import { isRecord } from './records.js'

/**
 * Returns whether a value asks for nothing: `null`, `false`, an empty text or list, or a plain object whose own values are all
 * `null`. An object with anything else in it asks for something, even with `false` or an empty text: in Traefik an empty text
 * removes a header, and an empty list may be meant to let no client in. A `Proxy` asks for something too, whatever it shows.
 */
export function asksForNothing(value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === '') return true
  // `Array.isArray` throws for a proxy that was revoked.
  if (types.isProxy(value)) return false
  if (Array.isArray(value)) return value.length === 0
  return isEmptyObject(value)
}

/** Returns whether a value is a plain object whose own values, if it has any, are all `null`. */
export function isEmptyObject(value: unknown): boolean {
  // The keys of a proxy say nothing about what it answers.
  if (types.isProxy(value) || !isRecord(value)) return false
  return Reflect.ownKeys(value).every((key) => {
    const { value: inside, enumerable } = Object.getOwnPropertyDescriptor(value, key) ?? {}
    // A getter has no value of its own here: it may ask for anything.
    return typeof key === 'string' && enumerable === true && inside === null
  })
}
