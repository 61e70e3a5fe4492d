import { createHash } from 'node:crypto'
import { GUARDING_STATIC_KEYS, STATIC_TOP_NAMES } from '../../validation/guarding-static-keys.js'
import type { KvEntry } from './kv-entry.js'

/**
 * Traefik's static configuration below the provider's own prefix, while an alias names another prefix. Traefik 1.7 always reads
 * it below its own prefix, so guards in it must be found there.
 */
export interface KvBeside {
  /** Keys below the own prefix. A name that can hold no guard stands for all its keys: one entry, without a value. */
  readonly entries: readonly KvEntry[]
  /** A mark that stays the same as long as none of these keys is written or deleted. */
  readonly mark: string
  /** Why the search failed. The store's user may have the right to read the alias and its target, and nothing else. */
  readonly denied?: string
}

/** Keys below the own prefix that one read of the store returned. */
export interface KvBranch {
  readonly entries: readonly KvEntry[]
  /** The revision of the newest entry. */
  readonly revision: string
}

/** Reads of a store below a provider's own prefix. Places and keys are given without the prefix. */
export interface KvPlaces {
  /**
   * Returns which of some names exist directly below a place, in any case of letters, as the store spells them.
   *
   * @param below the place: `''` for the prefix itself, or a folder such as `web/`
   */
  names(below: string, wanted: readonly string[]): Promise<readonly string[]>
  /** Reads one key. A key that does not exist has no entry. */
  value(key: string): Promise<KvBranch>
  /** Reads all keys below a key. */
  tree(key: string): Promise<KvBranch>
}

/** Keys below the own prefix that are not part of a static configuration: the alias key, and the document that it names. */
export interface KvOwnKeys {
  /** The prefix that the alias names. Absent if it is not below the own prefix. */
  readonly target: string | undefined
  /** The alias key. Absent if it is not below the own prefix. */
  readonly aliasKey: string | undefined
}

/**
 * Returns the keys of the alias relative to the own prefix.
 *
 * @param prefix the own prefix, spelt as in keys of the store
 */
export function ownKeys(prefix: string, target: string, aliasKey: string): KvOwnKeys {
  const below = (key: string) => (key.startsWith(`${prefix}/`) ? key.slice(prefix.length + 1) : undefined)
  return { target: below(target), aliasKey: below(aliasKey) }
}

/**
 * Places of guards, which are security settings, by the name of their table in lower case. A table has guards under the
 * listed names, or `anywhere`: then it is a guard itself, or its entries have names that the operator chose.
 */
const GUARDS_IN = new Map<string, readonly string[] | 'anywhere'>()
for (const [path] of GUARDING_STATIC_KEYS) {
  const [top = '', field = '*'] = path.toLowerCase().split('.')
  const known = GUARDS_IN.get(top) ?? []
  GUARDS_IN.set(top, field === '*' || known === 'anywhere' ? 'anywhere' : [...known, field])
}

/** The empty name at the top of a key with a doubled slash, such as `traefik//web/auth`. Any name may follow it. */
const DOUBLED = ''
const WANTED = [...new Set(STATIC_TOP_NAMES.map((name) => name.toLowerCase())), DOUBLED]

/**
 * Names at the top under which guards may be, in their usual spellings: in lower case as `traefik storeconfig` writes them, as in
 * a file, with a capital first letter, and in capitals. The empty name stands for a doubled slash.
 */
export const USUAL_PLACES: readonly string[] = [
  DOUBLED,
  ...new Set(
    GUARDING_STATIC_KEYS.flatMap(([path]) => {
      const [name = ''] = path.split('.')
      const capital = name.charAt(0).toUpperCase() + name.slice(1)
      return [name.toLowerCase(), name, capital, name.toUpperCase()]
    }),
  ),
]

/**
 * Searches a provider's own prefix for static configuration. It asks only for known names, and for values only where a guard may
 * be. Versions with any number of keys may be below the same prefix, and reading them all would be slow.
 *
 * @returns what it found, and the spellings of the names at the top
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

/** Reads what may be static configuration under one name at the top. */
async function lookInto(name: string, places: KvPlaces, own: KvOwnKeys): Promise<readonly KvBranch[]> {
  const guards = name === DOUBLED ? 'anywhere' : GUARDS_IN.get(name.toLowerCase())
  // The alias or its target may be below a folder that has a table's name, such as `web/v2`. Only guards are searched there.
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
