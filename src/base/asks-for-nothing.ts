/** The depth at which the search ends. No field of Traefik is deeper, and an object may contain itself. */
const MAX_DEPTH = 8

/**
 * Returns whether a field is switched off: `false`, `null`, an empty text, list or object, or an object whose values are all
 * `false`, `null` or empty texts. An empty list inside an object may be a guard that refuses every client, so it is not off.
 */
export function asksForNothing(value: unknown): boolean {
  try {
    if (value === undefined || (Array.isArray(value) && value.length === 0)) return true
    return isOff(value, MAX_DEPTH) || (isPlain(value) && Object.keys(value).length === 0)
  } catch {
    // A value whose members throw when they are read may ask for anything.
    return false
  }
}

function isOff(value: unknown, depth: number): boolean {
  if (value === false || value === null || value === '') return true
  if (depth === 0 || !isPlain(value)) return false
  const inside = Object.values(value)
  return inside.length > 0 && inside.every((one) => isOff(one, depth - 1))
}

/** Returns whether a value is a plain object. Parsers also make dates and maps. */
function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
