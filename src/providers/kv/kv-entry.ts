/** One key of a store with its value. */
export interface KvEntry {
  /** The key without the prefix and without the slash after the prefix. */
  readonly key: string
  readonly value: Uint8Array
}

/** Returns whether there is any key that is not just the marker of a folder. */
export function hasKeys(entries: readonly KvEntry[]): boolean {
  return entries.some((entry) => !isFolder(entry))
}

/** Returns whether an entry is only the marker of a folder, which the user interface of a store creates. */
export function isFolder({ key, value }: KvEntry): boolean {
  return value.length === 0 && (key === '' || key.endsWith('/'))
}
