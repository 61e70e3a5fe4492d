import { randomBytes } from 'node:crypto'
import { constants, type Stats } from 'node:fs'
import { type FileHandle, lstat, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

/**
 * The flag that makes `open` refuse a symbolic link. Windows lacks the flag, but lets only privileged users create symbolic
 * links.
 */
const NO_LINK = constants.O_NOFOLLOW ?? 0

/** Milliseconds without a change after which a temporary file counts as left behind by a process that died. */
const LEFT_OVER_MS = 10 * 60_000

/**
 * Replaces a file as a whole: the new text is written to a second file in the same folder, synced to disk, and renamed.
 *
 * The second file has a random name, and must not exist yet. Another user therefore cannot place a symbolic link at that name to
 * redirect the text. If `path` is a symbolic link, the link itself is replaced. Only the owner may read the new file (mode 600).
 *
 * @throws Error of Node; the file at `path` stays as it was, and the second file is removed
 */
export async function replaceFile(path: string, text: string): Promise<void> {
  const temporary = `${path}.${randomBytes(8).toString('hex')}.new`
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | NO_LINK
  const file = await open(temporary, flags, 0o600)
  try {
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {})
    throw error
  }
}

/**
 * Returns whether a path is a symbolic link, even a broken one. A missing path is not a link.
 *
 * @throws Error of Node if the path cannot be inspected
 */
export async function isLink(path: string): Promise<boolean> {
  return (await statsOf(path))?.isSymbolicLink() ?? false
}

/**
 * Opens a file for reading. Returns undefined if the file does not exist.
 *
 * @throws Error if the path is a symbolic link or no regular file, or the error of Node
 */
export async function openRegular(path: string): Promise<FileHandle | undefined> {
  const found = await statsOf(path)
  if (!found) return undefined
  if (found.isSymbolicLink()) throw new Error('it is a link, which is not followed')
  // Checks the type of the file before opening it, because opening a device file may have an effect.
  if (!found.isFile()) throw new Error('it is not a regular file, so it is left alone')
  // Another file may have replaced the checked one. So the type is checked again below, and `O_NONBLOCK` keeps `open` from
  // waiting for the other end of a named pipe.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | NO_LINK)
  if ((await file.stat()).isFile()) return file
  await file.close()
  throw new Error('it is not a regular file, so it is left alone')
}

/**
 * Returns a reason why another user may have written a file; undefined if there is none. It is always undefined on Windows, where
 * Node does not know the owner of a file.
 */
export function flawOfFile({ uid, mode }: Stats): string | undefined {
  const owner = flawOfOwner(uid)
  if (owner) return owner
  return process.getuid && (mode & 0o002) !== 0
    ? `every user may write to it (mode ${shownMode(mode)})`
    : undefined
}

/**
 * Returns a reason why another user can replace files in a folder; undefined if there is none.
 *
 * @throws Error of Node if the folder cannot be inspected
 */
export async function flawOfFolder(path: string): Promise<string | undefined> {
  if (!process.getuid) return undefined
  const { uid, mode } = await stat(path)
  const owner = flawOfOwner(uid)
  if (owner) return owner
  // Other users can replace files in a folder to which the group or all users may write. With the sticky bit they cannot: they
  // may only add files.
  const isShared = (mode & 0o022) !== 0 && (mode & 0o1000) === 0
  return isShared ? `other users may write to it (mode ${shownMode(mode)})` : undefined
}

/**
 * Returns why the owner of a file is not trusted; undefined if the owner is this process's user or root. Root can write every
 * file anyway.
 */
function flawOfOwner(uid: number): string | undefined {
  const own = process.getuid?.() ?? uid
  return uid === own || uid === 0 ? undefined : `it belongs to user ${uid}, not to user ${own} or root`
}

function shownMode(mode: number): string {
  return (mode & 0o7777).toString(8)
}

/**
 * Removes temporary files of `path` that earlier processes left behind when they died. Symbolic links stay. The promise never
 * rejects.
 */
export async function removeLeftOvers(path: string): Promise<void> {
  const folder = dirname(path)
  const names = await readdir(folder).catch(() => [])
  const start = `${basename(path)}.`
  const leftOver = names.filter(
    (name) => name.startsWith(start) && /^([0-9a-f]{16}|\d+)\.new$/.test(name.slice(start.length)),
  )
  for (const name of leftOver) {
    const temporary = join(folder, name)
    const found = await statsOf(temporary).catch(() => undefined)
    if (!found?.isFile() || flawOfOwner(found.uid) || Date.now() - found.mtimeMs < LEFT_OVER_MS) continue
    await rm(temporary, { force: true }).catch(() => {})
  }
}

async function statsOf(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
