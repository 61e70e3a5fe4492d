import { readFile } from 'node:fs/promises'
import { buffer } from 'node:stream/consumers'
import { asError } from '../model/errors.js'
import { parseDocument } from '../providers/parse-document.js'
import { type StoredKey, staticConfigOfKeys } from './static-config-of-keys.js'
import type { Terminal } from './terminal.js'

/**
 * Runs `convert --format keys`: finds a static configuration among exported keys of etcd or Consul, and prints it as a
 * traefik.toml. Traefik 1.7 can read its static configuration from such a key-value store, but this program cannot.
 *
 * @param file the output of `etcdctl get --prefix --write-out=json` or `consul kv export`; `-` means the standard input
 * @param prefix the prefix of the configuration in the store
 * @returns the exit code: 0 if the configuration is printed, 1 if the file contains none or is not an export, 2 if the file
 *   cannot be read
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
    if (twice.length > 0)
      throw new Error(`${name}: the same key is given in two spellings: ${twice.join(', ')}`)
    if (Object.keys(table).length === 0)
      throw new Error(`${name}: there is no static configuration below ${prefix}`)
    const { stringify } = await import('smol-toml')
    terminal.print(`# Converted from the keys below ${prefix} in a store.\n${stringify(table).trimEnd()}`)
    for (const note of notes) terminal.note(note)
    for (const other of others)
      terminal.note(`left out: ${JSON.stringify(other)}, because it is not a key of Traefik`)
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
    // Tells the operator how to export JSON. By default etcdctl prints plain text, with one line for a key and one for its value.
    throw new Error(`${asError(thrown).message}; etcdctl prints JSON with --write-out=json`)
  }
}

/**
 * Tells whether a parsed file has keys that etcdctl or Consul exported. Such a file is neither a configuration document nor a
 * static configuration.
 */
export function isExport(parsed: unknown): boolean {
  if (Array.isArray(parsed)) return parsed.some((entry) => typeof entry?.key === 'string' && 'value' in entry)
  const { kvs, header } = (parsed ?? {}) as { kvs?: unknown; header?: unknown }
  return Array.isArray(kvs) || (typeof header === 'object' && header !== null && 'cluster_id' in header)
}

/**
 * Returns the exported keys of etcd or Consul with their values. etcd exports keys and values in base64, Consul only the values.
 *
 * @throws Error if the file is not an export of etcd or Consul, or an incomplete one
 */
function exportedKeys(parsed: unknown, name: string): readonly StoredKey[] {
  const isOfConsul = Array.isArray(parsed)
  const list = isOfConsul ? parsed : ((parsed as { kvs?: unknown } | null)?.kvs ?? parsed)
  const isEmpty = !isOfConsul && typeof list === 'object' && list !== null && 'header' in list
  // Refuses an incomplete export of etcd, because a key that keeps requests out may be missing. The printed configuration would
  // then let the requests in.
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
  'expected the output of etcdctl get --prefix --write-out=json or of consul kv export, found something else'

function decoded(base64: string): string {
  return Buffer.from(base64, 'base64').toString('utf8')
}

/**
 * Returns the exported keys below a prefix, without the prefix. Slashes at the beginning are ignored, because etcd and Consul
 * differ in them.
 */
function keysBelow(keys: readonly StoredKey[], prefix: string): readonly StoredKey[] {
  const plain = (path: string) => path.replace(/^\/+/, '')
  const below = `${plain(prefix).replace(/\/+$/, '')}/`
  return keys.flatMap(({ key, value }) =>
    plain(key).startsWith(below) ? { key: plain(key).slice(below.length), value } : [],
  )
}
