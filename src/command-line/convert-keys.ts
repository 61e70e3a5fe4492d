import { readFile } from 'node:fs/promises'
import { buffer } from 'node:stream/consumers'
import { asError } from '../model/errors.js'
import { parseDocument } from '../providers/parse-document.js'
import { type StoredKey, staticConfigOfKeys } from './static-config-of-keys.js'
import type { Terminal } from './terminal.js'

/**
 * Prints the static configuration that stands among keys of a store as a traefik.toml: Traefik 1.7 reads it there, and this
 * program does not.
 *
 * @param file what `etcdctl get --prefix --write-out=json` or `consul kv export` printed; `-`: the standard input
 * @param prefix what the configuration stands below
 * @returns 0; 1: there is none, or no such list of keys; 2: it cannot be read
 */
export async function convertKeys(file: string, prefix: string, terminal: Terminal): Promise<number> {
  const name = file === '-' ? '(standard input)' : file
  let bytes: Uint8Array
  try {
    bytes = file === '-' ? await buffer(terminal.stdin) : await readFile(file)
  } catch (thrown) {
    terminal.fail(`${name}: cannot be read: ${asError(thrown).message}`)
    return 2
  }
  try {
    const entries = keysBelow(exportedKeys(await parseExport(bytes, name), name), prefix)
    const { table, others, twice, notes } = staticConfigOfKeys(entries)
    if (twice.length > 0) throw new Error(`${name}: stands twice, in two spellings: ${twice.join(', ')}`)
    if (Object.keys(table).length === 0)
      throw new Error(`${name}: there is no static configuration below ${prefix}`)
    const { stringify } = await import('smol-toml')
    terminal.print(`# What stood below ${prefix} in a store.\n${stringify(table).trimEnd()}`)
    for (const note of notes) terminal.note(note)
    for (const other of others)
      terminal.note(`left out: ${JSON.stringify(other)}, which Traefik does not know`)
    return 0
  } catch (thrown) {
    terminal.fail(asError(thrown).message)
    return 1
  }
}

async function parseExport(bytes: Uint8Array, name: string): Promise<unknown> {
  try {
    return await parseDocument(bytes, 'json', name)
  } catch (thrown) {
    // What etcdctl prints by default is a line for a key and a line for its value.
    throw new Error(`${asError(thrown).message}; etcdctl prints JSON with --write-out=json`)
  }
}

/** Whether a parsed file is what etcdctl or Consul prints, and so neither a document nor a static configuration. */
export function isExport(parsed: unknown): boolean {
  if (Array.isArray(parsed)) return parsed.some((entry) => typeof entry?.key === 'string' && 'value' in entry)
  const { kvs, header } = (parsed ?? {}) as { kvs?: unknown; header?: unknown }
  return Array.isArray(kvs) || (typeof header === 'object' && header !== null && 'cluster_id' in header)
}

/** Those of etcd are texts in base64, key and value; of Consul's, the value alone. @throws Error for what is neither */
function exportedKeys(parsed: unknown, name: string): readonly StoredKey[] {
  const isOfConsul = Array.isArray(parsed)
  const list = isOfConsul ? parsed : ((parsed as { kvs?: unknown } | null)?.kvs ?? parsed)
  const isEmpty = !isOfConsul && typeof list === 'object' && list !== null && 'header' in list
  // Without what is missing, a guard may be missing.
  if (!isOfConsul && (parsed as { more?: unknown } | null)?.more === true)
    throw new Error(`${name}: expected all keys, found "more": true; export them without --limit`)
  if (isEmpty) return []
  if (!Array.isArray(list)) throw new Error(`${name}: ${EXPECTED}`)
  return list.map((entry: unknown) => {
    const { key, value = '' } = (entry ?? {}) as { key?: unknown; value?: unknown }
    if (typeof key !== 'string' || typeof value !== 'string') throw new Error(`${name}: ${EXPECTED}`)
    return { key: isOfConsul ? key : decoded(key), value: decoded(value) }
  })
}

const EXPECTED =
  'expected keys, as etcdctl get --prefix --write-out=json or consul kv export print them, found something else'

function decoded(base64: string): string {
  return Buffer.from(base64, 'base64').toString('utf8')
}

/** Slashes at the beginning differ between stores, and say nothing. */
function keysBelow(keys: readonly StoredKey[], prefix: string): readonly StoredKey[] {
  const plain = (path: string) => path.replace(/^\/+/, '')
  const below = `${plain(prefix).replace(/\/+$/, '')}/`
  return keys.flatMap(({ key, value }) =>
    plain(key).startsWith(below) ? { key: plain(key).slice(below.length), value } : [],
  )
}
