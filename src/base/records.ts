/**
 * The type of an object whose undefined fields are left out. TypeScript tells an absent field from one that is `undefined`
 * (`exactOptionalPropertyTypes`).
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

/** Creates a record without a prototype, so that a name like `constructor` finds nothing that was not put there. */
export function nullRecord<V>(): Record<string, V> {
  return Object.create(null) as Record<string, V>
}
