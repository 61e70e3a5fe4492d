/** Fields that are there only if they have a value: an absent field and one that is `undefined` are not the same. */
type Present<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>
}

/** An object without those of its fields that have no value. */
export function present<T extends object>(fields: T): Present<T> {
  const result: Record<string, unknown> = {}
  for (const name in fields) if (fields[name] !== undefined) result[name] = fields[name]
  return result as Present<T>
}

/** A record that no name can lead out of. */
export function nullRecord<V>(): Record<string, V> {
  return Object.create(null) as Record<string, V>
}
