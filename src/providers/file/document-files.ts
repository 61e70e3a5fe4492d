import { constants } from 'node:fs'
import { type FileHandle, open, readdir, realpath, stat } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { ProxyError } from '../../model/errors.js'
import { DOCUMENT_ENDINGS, formatOf } from '../parse-document.js'

/** Where documents lie. */
export type DocumentPlace = { readonly filename: string } | { readonly directory: string }

/** A file with what was in it. */
export interface ReadFile {
  /** As messages name it. */
  readonly name: string
  readonly bytes: Uint8Array
}

/** What is there, at one moment. */
export interface FoundFiles {
  readonly paths: readonly string[]
  /** Changes when anything of it does. */
  readonly mark: string
  /** The files themselves, whatever is in them. */
  readonly inodes: string
  /** For how long nothing of it was written, as the files themselves say, in milliseconds. */
  readonly quietMs: number
}

/** Folders within each other; links may lead in circles. */
const MAX_DEPTH = 16

/** Looks at a file, or at all documents of a folder and of those in it. @throws what node says of one that is not there */
export async function findFiles(at: DocumentPlace): Promise<FoundFiles> {
  const paths = 'filename' in at ? [at.filename] : await documentsIn(at.directory)
  const found = await Promise.all(paths.map((path) => stat(path, { bigint: true })))
  found.forEach((entry, place) => {
    // A pipe would hold up whoever opens it, and a device has no end.
    if (!entry.isFile()) throw new Error(`${paths[place]} is no file`)
  })
  const newest = found.reduce((latest, { mtimeMs }) => Math.max(latest, Number(mtimeMs)), 0)
  return {
    paths,
    inodes: found.map(({ dev, ino }, place) => `${paths[place]} ${dev} ${ino}`).join('\n'),
    mark: found
      .map(({ dev, ino, size, mtimeNs, ctimeNs }) => [dev, ino, size, mtimeNs, ctimeNs].join())
      .join('\n'),
    quietMs: Date.now() - newest,
  }
}

/**
 * Reads what was found.
 *
 * @throws what node says of a file that cannot be read; ProxyError `PROXY_CONFIG_UNUSABLE` for one that is too large
 */
export async function readFiles(
  { paths }: FoundFiles,
  at: DocumentPlace,
  maxBytes: number,
): Promise<ReadFile[]> {
  const files: ReadFile[] = []
  for (const path of paths) {
    const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      // Another one may have come in its place since it was looked at.
      if (!(await handle.stat()).isFile()) throw new Error(`${path} is no file`)
      const name = 'filename' in at ? path : relative(at.directory, path)
      files.push({ name, bytes: await readUpTo(handle, maxBytes, path) })
    } finally {
      await handle.close()
    }
  }
  return files
}

/** Its size does not say how much a file holds: there are some that are made as they are read. */
async function readUpTo(handle: FileHandle, maxBytes: number, path: string): Promise<Uint8Array> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of handle.createReadStream({ autoClose: false, highWaterMark: 256 * 1024 })) {
    chunks.push(chunk as Buffer)
    length += (chunk as Buffer).length
    if (length > maxBytes)
      throw new ProxyError('PROXY_CONFIG_UNUSABLE', `${path} has more than ${maxBytes} bytes (maxBytes)`)
  }
  return Buffer.concat(chunks, length)
}

/** @throws ProxyError `PROXY_CONFIG_UNUSABLE` if its name says no form */
export function formatOfFile(name: string) {
  const format = formatOf(name)
  if (format) return format
  const message = `${name}: expected a file whose name ends with ${DOCUMENT_ENDINGS.join(', ')}`
  throw new ProxyError('PROXY_CONFIG_UNUSABLE', message)
}

async function documentsIn(directory: string): Promise<string[]> {
  const found: string[] = []
  await walk(directory, new Set(), 0, found)
  return found.sort()
}

/** @param above real paths of the folders that this one lies in, so that a link to one of them is not followed */
async function walk(
  folder: string,
  above: ReadonlySet<string>,
  depth: number,
  found: string[],
): Promise<void> {
  const real = await realpath(folder)
  if (above.has(real) || depth > MAX_DEPTH) return
  const within = new Set([...above, real])
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const { name } = entry
    // Editors and Kubernetes keep what is not meant behind a dot; a name that is no UTF-8 cannot be asked for.
    if (name.startsWith('.') || name.includes('\ufffd')) continue
    const path = join(folder, name)
    const kind = entry.isSymbolicLink() ? await stat(path) : entry
    if (kind.isDirectory()) await walk(path, within, depth + 1, found)
    else if (formatOf(name) !== undefined) found.push(path)
  }
}
