import { createHash } from 'node:crypto'
import { GUARDING_STATIC_KEYS, STATIC_TOP_NAMES } from '../../validation/guarding-static-keys.js'
import type { KvEntry } from './kv-document.js'

/**
 * What stands of Traefik's static configuration below a provider's own prefix, beside the alias. Traefik 1.7 reads it there,
 * whatever prefix the alias names.
 */
export interface KvBeside {
  /** Keys below the own prefix. Of a name that can hold no guard there is one, without a value. */
  readonly entries: readonly KvEntry[]
  /** The same as long as nothing of it is written or deleted. */
  readonly mark: string
  /** Why it cannot be looked for: who may read alias and target need not be allowed to read more. */
  readonly denied?: string
}

/** Some keys below the own prefix. */
export interface KvBranch {
  readonly entries: readonly KvEntry[]
  /** Of the newest of them. */
  readonly revision: string
}

/** What a store is asked below a provider's own prefix. Places and keys are written without the prefix. */
export interface KvPlaces {
  /** Which of these names stand directly below a place (`''`, or `web/`), in any case of letters, as the store spells them. */
  names(below: string, wanted: readonly string[]): Promise<readonly string[]>
  /** A key, if it is there. */
  value(key: string): Promise<KvBranch>
  /** All keys below a key. */
  tree(key: string): Promise<KvBranch>
}

/** Keys below the own prefix, if they stand there, that belong to the alias, and to no static configuration. */
export interface KvOwnKeys {
  /** The prefix that the alias names. */
  readonly target: string | undefined
  readonly aliasKey: string | undefined
}

/** @param prefix the own one, as keys have it; what does not stand below it cannot be met there */
export function ownKeys(prefix: string, target: string, aliasKey: string): KvOwnKeys {
  const below = (key: string) => (key.startsWith(`${prefix}/`) ? key.slice(prefix.length + 1) : undefined)
  return { target: below(target), aliasKey: below(aliasKey) }
}

/** Guards in a table at the top: by their names; or anywhere in it, where it is a guard as a whole or holds names of its own. */
const GUARDS_IN = new Map<string, readonly string[] | 'anywhere'>()
for (const [path] of GUARDING_STATIC_KEYS) {
  const [top = '', field = '*'] = path.toLowerCase().split('.')
  const known = GUARDS_IN.get(top) ?? []
  GUARDS_IN.set(top, field === '*' || known === 'anywhere' ? 'anywhere' : [...known, field])
}

/** Behind a doubled slash anything may stand. */
const DOUBLED = ''
const WANTED = [...new Set(STATIC_TOP_NAMES.map((name) => name.toLowerCase())), DOUBLED]

/**
 * Places at the top where something may guard: in small letters as `traefik storeconfig` writes them, as in a file, with a
 * capital letter, in capital letters, and behind a doubled slash.
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
 * Asks for the known names alone, and for values only where something may guard: versions may stand there too, with any number
 * of keys.
 *
 * @throws whatever the store throws
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

async function lookInto(name: string, places: KvPlaces, own: KvOwnKeys): Promise<readonly KvBranch[]> {
  const guards = name === DOUBLED ? 'anywhere' : GUARDS_IN.get(name.toLowerCase())
  // A cluster may have the name of a table, and its versions stand there then: only what guards is of interest.
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

function isOwn(key: string, { target, aliasKey }: KvOwnKeys): boolean {
  return key === aliasKey || (target !== undefined && isBelow(key, target))
}

function isBelow(key: string, folder: string): boolean {
  return key === folder || key.startsWith(`${folder}/`)
}

const NOTHING = new Uint8Array()
