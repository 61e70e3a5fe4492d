import type { Issue } from '../../model/errors.js'
import type { KvEntry } from './kv-entry.js'
import { KvLayout } from './kv-layout.js'
import { StaticKeysOfStore } from './kv-static-keys.js'

/**
 * Builds the document that keys in Traefik 1.7's layout describe, such as `frontends/web/routes/main/rule`. A list is written as
 * one key for each index, or as one value with commas. Field names may be in any case. The key `version`, which Traefik does not
 * have, labels the document.
 *
 * @param prefix the prefix of the keys, for messages
 * @param ownPrefix keys of Traefik's static configuration below the provider's `prefix` option, if the alias names another prefix
 * @param warn called for ignored keys: keys outside the layout, and keys of Traefik's static configuration. One call covers all
 *   keys below the same folder
 * @throws ProxyError `PROXY_CONFIG_UNUSABLE` for a value that is not UTF-8, and if a limit of `KeyCounts` is exceeded
 * @throws ProxyError `PROXY_CONFIG_INVALID` for a field that is given twice, for a misplaced key, and for a security setting of a
 *   static configuration
 */
export function* documentOfKeys(
  entries: Iterable<KvEntry>,
  prefix: string,
  warn: (warning: Issue) => void = () => {},
  ownPrefix?: { readonly entries: Iterable<KvEntry>; readonly prefix: string },
): Generator<void, unknown> {
  const layout = new KvLayout(prefix)
  for (const { key, value } of entries) {
    layout.take(key, value)
    yield
  }
  const others = new StaticKeysOfStore(ownPrefix?.prefix ?? prefix, true)
  for (const { key, value } of ownPrefix?.entries ?? []) {
    others.take(key, key.split('/'), value)
    yield
  }
  return layout.document(warn, others)
}
