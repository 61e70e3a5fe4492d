/** A key of a store and its value. */
export interface KvEntry {
  /** The key, relative to the prefix. For the prefix `/traefik` and the key `/traefik/frontends/web`, it is `frontends/web`. */
  readonly key: string
  readonly value: Uint8Array
}

/** Returns whether the entries contain at least one key that is not just the marker of an empty folder. */
export function hasKeys(entries: readonly KvEntry[]): boolean {
  return entries.some((entry) => !isFolder(entry))
}

/**
 * Returns whether an entry is only a folder marker: a key that ends with a slash and has an empty value. The user interface of a
 * store creates such keys.
 */
export function isFolder({ key, value }: KvEntry): boolean {
  return value.length === 0 && (key === '' || key.endsWith('/'))
}
