import { constants } from 'node:fs'
import { type FileHandle, open, readdir, realpath, stat } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { ProxyError } from '../../model/errors.js'
import { DOCUMENT_ENDINGS, formatOf } from '../parse-document.js'

/** The path of one configuration file, or of a folder with configuration files. */
export type DocumentPlace = { readonly filename: string } | { readonly directory: string }

/** A configuration file and its content. */
export interface ReadFile {
  /** The name of the file in messages. */
  readonly name: string
  readonly bytes: Uint8Array
}

/** The configuration files that exist at one moment. Their content has not been read yet. */
export interface FoundFiles {
  readonly paths: readonly string[]
  /** A fingerprint of the files: inode, size and times of each. It changes when any of the files changes. */
  readonly mark: string
  /**
   * A fingerprint of the inodes of the files. It changes when a path leads to another file, but not when only the content
   * changes.
   */
  readonly inodes: string
  /** Milliseconds since the last write to any file, by the files' modification times. */
  readonly quietMs: number
}

/** The deepest nesting of subfolders that is searched. The search must end even if symbolic links form circles. */
const MAX_DEPTH = 16

/**
 * Finds the configuration file at a path, or all configuration files in a folder and its subfolders.
 *
 * @throws Error of Node for a missing file or folder, or an Error for a path that is not a regular file
 */
export async function findFiles(at: DocumentPlace): Promise<FoundFiles> {
  const paths = 'filename' in at ? [at.filename] : await documentsIn(at.directory)
  const found = await Promise.all(paths.map((path) => stat(path, { bigint: true })))
  found.forEach((entry, place) => {
    // Refuses any path that is not a regular file. Opening a named pipe would block the provider, and reading a device may never
    // end.
    if (!entry.isFile()) throw new Error(`${paths[place]} is not a regular file`)
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
 * Reads the configuration files that `findFiles` has found.
 *
 * @throws Error of Node for a file that cannot be read; ProxyError `PROXY_CONFIG_UNUSABLE` for a file that is too large
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
      // Checks the type again, because another file may have replaced this one since it was found.
      if (!(await handle.stat()).isFile()) throw new Error(`${path} is not a regular file`)
      const name = 'filename' in at ? path : relative(at.directory, path)
      files.push({ name, bytes: await readUpTo(handle, maxBytes, path) })
    } finally {
      await handle.close()
    }
  }
  return files
}

/**
 * Reads a whole file, and throws if it has more than `maxBytes`. The size that `stat` returns is not enough, because the kernel
 * makes some files only while they are read.
 */
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

/**
 * Returns the document format of a file by the ending of the file's name.
 *
 * @throws ProxyError `PROXY_CONFIG_UNUSABLE` if the ending is not one of `DOCUMENT_ENDINGS`
 */
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

/**
 * Adds the paths of all configuration files below a folder to `found`.
 *
 * @param above real paths of the folders that contain this one; a symbolic link to one of them is not followed
 */
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
    // Skips names that begin with a dot, because editors and Kubernetes give such names to temporary and internal files. Also
    // skips a name that is not UTF-8, because the file cannot be opened by it.
    if (name.startsWith('.') || name.includes('\ufffd')) continue
    const path = join(folder, name)
    const kind = entry.isSymbolicLink() ? await stat(path) : entry
    if (kind.isDirectory()) await walk(path, within, depth + 1, found)
    else if (formatOf(name) !== undefined) found.push(path)
  }
}
