/**
 * The type of an object from which undefined fields are removed: a field that may be undefined becomes an optional one. With
 * `exactOptionalPropertyTypes`, TypeScript distinguishes an absent field from one that is `undefined`.
 */
type Present<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>
}

/** Returns a copy of an object without the fields that are undefined. */
export function present<T extends object>(fields: T): Present<T> {
  const result: Record<string, unknown> = {}
  for (const name in fields) if (fields[name] !== undefined) result[name] = fields[name]
  return result as Present<T>
}

/**
 * Creates an empty object without a prototype. A lookup of a name such as `constructor` then finds nothing, unless it was stored
 * there.
 */
export function nullRecord<V>(): Record<string, V> {
  return Object.create(null) as Record<string, V>
}

/** Returns whether a value is a plain object. Parsers also make objects without fields, such as dates and maps. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
