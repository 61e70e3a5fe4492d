import { randomBytes } from 'node:crypto'
import { constants, type Stats } from 'node:fs'
import { type FileHandle, lstat, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

/** Windows has no such flag, and links there only for those who may make them. */
const NO_LINK = constants.O_NOFOLLOW ?? 0

/** How long a file that is being written may have been left alone, in milliseconds: an older one is of a process that died. */
const LEFT_OVER_MS = 10 * 60_000

/**
 * Replaces a file as a whole: written beside it, synced, renamed. The name beside it cannot be foreseen and must be free, so
 * nobody can have put a link there that leads the bytes elsewhere. A link in the place of the file is replaced itself.
 * Nobody but its owner may read the new file (mode 600).
 *
 * @throws what node says; the file is as it was, and nothing is left beside it
 */
export async function replaceFile(path: string, text: string): Promise<void> {
  const beside = `${path}.${randomBytes(8).toString('hex')}.new`
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | NO_LINK
  const file = await open(beside, flags, 0o600)
  try {
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(beside, path)
  } catch (error) {
    await rm(beside, { force: true }).catch(() => {})
    throw error
  }
}

/** Whether a path is a link, wherever that leads. @throws what node says, but for a path where nothing is */
export async function isLink(path: string): Promise<boolean> {
  return (await statsOf(path))?.isSymbolicLink() ?? false
}

/**
 * Opens a file for reading; undefined if there is none.
 *
 * @throws Error if it is a link or no regular file; what node says
 */
export async function openRegular(path: string): Promise<FileHandle | undefined> {
  const found = await statsOf(path)
  if (!found) return undefined
  if (found.isSymbolicLink()) throw new Error('it is a link, which is not followed')
  // Before it is opened: a device may do something when it is.
  if (!found.isFile()) throw new Error('it is no regular file, so it is left alone')
  // Something else may have come in its place: a pipe must not make us wait for its other end.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | NO_LINK)
  if ((await file.stat()).isFile()) return file
  await file.close()
  throw new Error('it is no regular file, so it is left alone')
}

/** Why a file may have been written by somebody else; undefined if it cannot, and where there are no owners (Windows). */
export function flawOfFile({ uid, mode }: Stats): string | undefined {
  const owner = flawOfOwner(uid)
  if (owner) return owner
  return process.getuid && (mode & 0o002) !== 0
    ? `everybody may write it (mode ${shownMode(mode)})`
    : undefined
}

/** Why somebody else can put files into a folder or replace those in it; undefined if nobody can. @throws what node says */
export async function flawOfFolder(path: string): Promise<string | undefined> {
  if (!process.getuid) return undefined
  const { uid, mode } = await stat(path)
  const owner = flawOfOwner(uid)
  if (owner) return owner
  // With the sticky bit others may add files, but not replace ours.
  const isShared = (mode & 0o022) !== 0 && (mode & 0o1000) === 0
  return isShared ? `others may write it (mode ${shownMode(mode)})` : undefined
}

/** The superuser can write everything anyhow. */
function flawOfOwner(uid: number): string | undefined {
  const own = process.getuid?.() ?? uid
  return uid === own || uid === 0 ? undefined : `it belongs to user ${uid}, not to user ${own} or root`
}

function shownMode(mode: number): string {
  return (mode & 0o7777).toString(8)
}

/** Removes what processes that died have left beside a file. Links stay. Never rejects. */
export async function removeLeftOvers(path: string): Promise<void> {
  const folder = dirname(path)
  const names = await readdir(folder).catch(() => [])
  const start = `${basename(path)}.`
  const leftOver = names.filter(
    (name) => name.startsWith(start) && /^([0-9a-f]{16}|\d+)\.new$/.test(name.slice(start.length)),
  )
  for (const name of leftOver) {
    const beside = join(folder, name)
    const found = await statsOf(beside).catch(() => undefined)
    if (!found?.isFile() || flawOfOwner(found.uid) || Date.now() - found.mtimeMs < LEFT_OVER_MS) continue
    await rm(beside, { force: true }).catch(() => {})
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
