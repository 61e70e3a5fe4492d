import { createHash } from 'node:crypto'
import { GUARDING_STATIC_KEYS, STATIC_TOP_NAMES } from '../../validation/static-keys/static-keys.js'
import type { KvEntry } from './kv-entry.js'

/**
 * Traefik's static configuration (such as entry points) below the provider's `prefix` option, while the alias names another
 * prefix. Traefik 1.7 reads static configuration there, whatever the alias says. So guards in it must be found.
 */
export interface KvBeside {
  /**
   * The keys found below the provider's `prefix` option. A table that cannot hold a guard is one entry: its name with an empty
   * value.
   */
  readonly entries: readonly KvEntry[]
  /** A fingerprint of the static configuration. It changes when one of its keys is written or deleted. */
  readonly mark: string
  /**
   * Why the search failed. The store's user may have the right to read only the alias key and the prefix that the alias names.
   */
  readonly denied?: string
}

/** The keys that one read of the store returned. They are below the provider's `prefix` option. */
export interface KvBranch {
  readonly entries: readonly KvEntry[]
  /** The revision of the most recently written entry. */
  readonly revision: string
}

/** Functions that read a store below the provider's `prefix` option. Folders and keys are given without that prefix. */
export interface KvPlaces {
  /**
   * Returns which of the wanted names exist directly below a folder, as the store spells them. The case of letters does not
   * matter.
   *
   * @param below the folder, such as `web/`. An empty text stands for the prefix itself
   */
  names(below: string, wanted: readonly string[]): Promise<readonly string[]>
  /** Reads one key. The result has no entry if the key does not exist. */
  value(key: string): Promise<KvBranch>
  /** Reads all keys that begin with the given key and a slash. */
  tree(key: string): Promise<KvBranch>
}

/**
 * Keys below the provider's `prefix` option that are not static configuration: the alias key, and the document that the alias
 * names.
 */
export interface KvOwnKeys {
  /** The prefix that the alias names, relative to the provider's `prefix`. Undefined if it is not below that prefix. */
  readonly target: string | undefined
  /** The alias key, relative to the provider's `prefix`. Undefined if it is not below that prefix. */
  readonly aliasKey: string | undefined
}

/**
 * Returns the alias key and the prefix that it names, relative to the provider's `prefix` option.
 *
 * @param prefix the provider's `prefix`, in the spelling of the store's keys
 * @param target the prefix that the alias names
 */
export function ownKeys(prefix: string, target: string, aliasKey: string): KvOwnKeys {
  const below = (key: string) => (key.startsWith(`${prefix}/`) ? key.slice(prefix.length + 1) : undefined)
  return { target: below(target), aliasKey: below(aliasKey) }
}

/**
 * The guards (security settings) of each table of the static configuration, by the table's name in lower case. A list contains
 * the fields that are guards. `anywhere` means that the table itself is a guard, or that the operator chooses the names of its
 * entries.
 */
const GUARDS_IN = new Map<string, readonly string[] | 'anywhere'>()
for (const { path } of GUARDING_STATIC_KEYS) {
  const [top = '', field = '*'] = path.toLowerCase().split('.')
  const known = GUARDS_IN.get(top) ?? []
  GUARDS_IN.set(top, field === '*' || known === 'anywhere' ? 'anywhere' : [...known, field])
}

/**
 * The empty name between the two slashes of a key such as `traefik//web/auth`. Empty names are skipped, so any table may follow.
 */
const DOUBLED = ''
const WANTED = [...new Set(STATIC_TOP_NAMES.map((name) => name.toLowerCase())), DOUBLED]

/**
 * Names of tables and keys that may hold guards, in the usual spellings. These are lower case (as `traefik storeconfig` writes
 * them), the spelling in a file, a capital first letter, and capitals. The empty name stands for a doubled slash.
 */
export const USUAL_PLACES: readonly string[] = [
  DOUBLED,
  ...new Set(
    GUARDING_STATIC_KEYS.flatMap(({ path }) => {
      const [name = ''] = path.split('.')
      const capital = name.charAt(0).toUpperCase() + name.slice(1)
      return [name.toLowerCase(), name, capital, name.toUpperCase()]
    }),
  ),
]

/**
 * Searches below the provider's `prefix` option for Traefik's static configuration. It asks the store only for known names, and
 * reads values only where a guard may be. Reading all keys would be slow, because the same prefix may contain any number of
 * versions.
 *
 * @returns the static configuration, and the names of tables and keys at the top level, as the store spells them
 * @throws every error of the store
 */
export async function findBeside(
  places: KvPlaces,
  own: KvOwnKeys,
): Promise<Omit<KvBeside, 'denied'> & { readonly names: readonly string[] }> {
  const names = await places.names('', WANTED)
  const folders = await Promise.all(names.map((name) => lookInto(name, places, own)))
  const branches = folders.flat()
  const mark = createHash('sha256').update(names.join('\n'))
  for (const { entries, revision } of branches) mark.update(`\n${entries.length} ${revision}`)
  const entries = branches.flatMap((branch) => branch.entries).filter(({ key }) => !isOwn(key, own))
  return { names, entries, mark: mark.digest('hex') }
}

/** Reads what may be static configuration below the name of one table. */
async function lookInto(name: string, places: KvPlaces, own: KvOwnKeys): Promise<readonly KvBranch[]> {
  const guards = name === DOUBLED ? 'anywhere' : GUARDS_IN.get(name.toLowerCase())
  // The alias key or the prefix that it names may be in a folder with a table's name, such as `web/v2`. Such a folder is searched
  // for guards only.
  const isShared = [own.target, own.aliasKey].some((key) => key !== undefined && isBelow(key, name))
  if (isShared && name.toLowerCase() === 'tls') return []
  const there: KvBranch = { entries: isShared ? [] : [{ key: name, value: NOTHING }], revision: '' }
  if (guards === undefined) return [there]
  if (guards === 'anywhere') return Promise.all([places.value(name), places.tree(name)])
  const fields = await places.names(`${name}/`, [...guards, DOUBLED])
  const keys = fields.map((field) => `${name}/${field}`)
  const values = [name, ...keys].map((key) => places.value(key))
  return [there, ...(await Promise.all([...values, ...keys.map((key) => places.tree(key))]))]
}

/** Returns whether a key is the alias key or belongs to the document that the alias names. */
function isOwn(key: string, { target, aliasKey }: KvOwnKeys): boolean {
  return key === aliasKey || (target !== undefined && isBelow(key, target))
}

function isBelow(key: string, folder: string): boolean {
  return key === folder || key.startsWith(`${folder}/`)
}

const NOTHING = new Uint8Array()
