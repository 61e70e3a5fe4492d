import { fieldNamed } from '../../base/schema.js'
import { DOCUMENT } from '../document-schema.js'
import { CONSUL_KEYS } from './consul-keys.js'
import { DOCUMENT_KEYS } from './document-keys.js'
import { ENTRY_POINT_KEYS } from './entry-point-keys.js'
import { ETCD_KEYS } from './etcd-keys.js'
import { FILE_KEYS } from './file-keys.js'
import { FORWARDING_KEYS, SHUTDOWN_KEYS } from './forwarding-keys.js'
import { HTTP_KEYS } from './http-keys.js'
import { LOG_KEYS } from './log-keys.js'
import { OTHER_KEYS } from './other-keys.js'
import type { KeySection, StaticKey } from './static-key.js'
import { STATUS_KEYS } from './status-keys.js'

/** The keys of the static configuration by sections, in the order of docs/traefik-toml.md. */
export const KEY_SECTIONS: readonly KeySection[] = [
  LOG_KEYS,
  ENTRY_POINT_KEYS,
  STATUS_KEYS,
  FILE_KEYS,
  ETCD_KEYS,
  CONSUL_KEYS,
  HTTP_KEYS,
  DOCUMENT_KEYS,
  FORWARDING_KEYS,
  SHUTDOWN_KEYS,
  OTHER_KEYS,
]

const ALL = KEY_SECTIONS.flatMap(({ keys }) => keys)

/** The declarations of all keys of the static configuration, by the path of the key. */
export const STATIC_KEYS: ReadonlyMap<string, StaticKey> = new Map(ALL.map((key) => [key.path, key]))

/** Returns the older names of a key, such as `idleTimeout` for `respondingTimeouts.idleTimeout`. */
export function oldNamesOf(path: string): string[] {
  return ALL.flatMap((key) => (key.oldNameOf === path ? [key.path] : []))
}

/** The tables of the static configuration that create providers. A reload replaces these providers while the proxy runs. */
export const PROVIDER_TABLES: readonly Required<Pick<StaticKey, 'path' | 'creates'>>[] = ALL.flatMap(
  ({ path, creates }) => (creates ? [{ path, creates }] : []),
)

/** Tells whether a key belongs to the document of frontends and backends that a `traefik.toml` may contain. */
export function isOfDocument({ path }: Pick<StaticKey, 'path'>): boolean {
  return path === 'frontends' || path === 'backends'
}

/**
 * Tells whether the proxy looks for no further keys below this one: it does not support the key, or the key is `frontends` or
 * `backends`.
 */
export function isOpaque(key: StaticKey): boolean {
  return key.becomes === 'later' || key.becomes === 'refused' || isOfDocument(key)
}

/**
 * The keys that are guards. They decide which clients may come in, and which proxies in front may name the client address. A
 * `traefik.toml` with a guard that is not supported yet is refused. Traefik also reads its static configuration from a key-value
 * store. If the store has any of these guards, the document from the store is refused.
 */
export const GUARDING_STATIC_KEYS: readonly StaticKey[] = ALL.filter(({ guard }) => guard !== undefined)

/** The names at the top of the static configuration, of Traefik 1.7 and of this proxy. They are spelt as in a file. */
export const STATIC_TOP_NAMES: readonly string[] = namesAt(0, ({ path }) => !isOfDocument({ path }))

/** The names at the top of the static configuration that no document has. `tls` is a field of documents too. */
export const STATIC_ONLY_NAMES: readonly string[] = STATIC_TOP_NAMES.filter(
  (name) => fieldNamed(DOCUMENT, name) === undefined,
)

/** The names of the keys of an entry point. They are spelt as in a file. */
export const ENTRY_POINT_NAMES: readonly string[] = namesAt(2, ({ path }) =>
  path.startsWith('entryPoints.*.'),
)

/** Returns the names that stand at a place in the paths of some keys, each once. */
function namesAt(place: number, isMeant: (key: StaticKey) => boolean): string[] {
  return [...new Set(ALL.filter(isMeant).map(({ path }) => path.split('.')[place] as string))]
}
