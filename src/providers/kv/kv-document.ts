import type { Issue } from '../../model/errors.js'
import type { KvEntry } from './kv-entry.js'
import { KvLayout } from './kv-layout.js'
import { StaticKeysOfStore } from './kv-static-keys.js'

/**
 * Builds the document that keys in Traefik 1.7's layout describe, such as `frontends/web/routes/main/rule`. Lists are written by
 * index or with commas. Field names may be in any case. The key `version` is our addition: it labels the document.
 *
 * @param prefix the prefix of the keys, for messages
 * @param ownPrefix keys of a static configuration below the provider's own prefix, where that is another prefix
 * @param warn called for ignored keys: keys outside the layout, and keys of a static configuration. One call covers all keys
 *   below the same place
 * @throws ProxyError `PROXY_CONFIG_UNUSABLE` for a value that is not UTF-8, and for more than `KeyCounts` allows
 * @throws ProxyError `PROXY_CONFIG_INVALID` for a field that is given twice, for a misplaced key, and for a security setting
 *   of a static configuration
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
