import cluster from 'node:cluster'
import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdtempSync,
  renameSync,
  rmdirSync,
  type Stats,
  unlinkSync,
} from 'node:fs'
import { connect } from 'node:net'
import { dirname } from 'node:path'
import { ProxyError } from '../model/errors.js'
import { isFile, MAX_SOCKET_PATH } from './unix-path.js'

/** How often the file at a path may change hands while a listener tries to take the path. */
const MAX_TRIES = 5

/**
 * The file of a Unix socket on which a listener of ours listens.
 *
 * The socket is made in a folder of its own that only this user may enter, gets its mode there. Then it is linked to its path. So
 * at no moment more users can connect than the mode says. The umask of the process could do that too, but it belongs to all
 * threads of the process, and worker threads cannot set it.
 */
export class SocketFile {
  readonly path: string
  readonly #mode: number | undefined
  /** The folder in which the socket is made. It has one more name for the socket until `publish`. */
  readonly #folder: string
  #own: Stats | undefined
  /** The mode that the umask left. */
  #unasked = 0o600

  private constructor(path: string, mode: number | undefined, folder: string) {
    this.path = path
    this.#mode = mode
    this.#folder = folder
  }

  /**
   * Prepares the file for a path. Returns undefined if Node itself must listen there: if the path is no file, or if the process is
   * a worker of `node:cluster`, for which the primary makes the file.
   *
   * @throws ProxyError `PROXY_OPTION_INVALID` for a mode that cannot be set; Error with the code `EADDRINUSE` if another process
   *   listens there; Error with the code of the system, such as `ENOENT`, if the folder does not exist
   */
  static async for(path: string, mode: number | undefined): Promise<SocketFile | undefined> {
    if (!isFile(path)) return undefined
    if (cluster.isWorker) {
      if (mode === undefined) return undefined
      const message = 'mode: expected no mode in a worker of node:cluster, because the primary makes the file'
      throw new ProxyError('PROXY_OPTION_INVALID', message)
    }
    await staleAt(path)
    return new SocketFile(path, mode, makeFolder(path))
  }

  /** The path at which Node must make the socket. */
  get madeAt(): string {
    return `${this.#folder}/s`
  }

  /** Removes the folder in which the socket is made. */
  discard(): void {
    ignoring(() => unlinkSync(this.madeAt))
    ignoring(() => rmdirSync(this.#folder))
  }

  /**
   * Gives the socket its mode and its path. The file of a socket without a listener is replaced.
   *
   * @throws Error with the code `EADDRINUSE` if another process listens at the path; Error for a file that is no socket
   */
  async publish(): Promise<void> {
    const { madeAt } = this
    try {
      this.#unasked = lstatSync(madeAt).mode & 0o777
      if (this.#mode !== undefined) chmodSync(madeAt, this.#mode)
      for (let tries = 1; ; tries += 1) {
        const stale = await staleAt(this.path)
        if (stale) this.#moveAway(stale)
        try {
          // A link, unlike a rename, fails if another process has taken the path meanwhile.
          linkSync(madeAt, this.path)
          this.#own = lstatSync(madeAt)
          return
        } catch (thrown) {
          if (codeOf(thrown) !== 'EEXIST' || tries === MAX_TRIES) throw thrown
        }
      }
    } finally {
      this.discard()
    }
  }

  /** Changes the mode of the file. @param mode undefined for what the umask left @throws Error of the system */
  changeMode(mode: number | undefined): void {
    if (this.#isOwn()) chmodSync(this.path, mode ?? this.#unasked)
  }

  /**
   * Removes the file, unless another process has put its own there. Called before the listener closes: as long as it listens, no
   * other process replaces the file.
   */
  remove(): void {
    ignoring(() => {
      if (this.#isOwn()) unlinkSync(this.path)
    })
  }

  #isOwn(): boolean {
    return this.#own !== undefined && isSameFile(lstatSync(this.path), this.#own)
  }

  /**
   * Removes the file of a socket without a listener. Another process may have replaced that file since it was looked at. So
   * the file is first moved into our own folder, and moved back if it is not the one that was looked at.
   */
  #moveAway(stale: Stats): void {
    const moved = `${this.#folder}/o`
    try {
      renameSync(this.path, moved)
    } catch (thrown) {
      if (codeOf(thrown) === 'ENOENT') return
      throw thrown
    }
    try {
      if (!isSameFile(lstatSync(moved), stale)) ignoring(() => linkSync(moved, this.path))
    } finally {
      unlinkSync(moved)
    }
  }
}

/**
 * Returns the file of a socket without a listener, or undefined if there is no file.
 *
 * @throws Error for a file that is no socket, which is never removed; Error with the code `EADDRINUSE` if a process listens
 */
async function staleAt(path: string): Promise<Stats | undefined> {
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (!found) return undefined
  if (!found.isSocket())
    throw systemError('EEXIST', path, 'there is a file that is no socket; it is not removed, so move it away')
  const code = await new Promise<string | undefined>((resolve) => {
    const probe = connect({ path })
    probe.once('connect', () => {
      probe.destroy()
      resolve(undefined)
    })
    probe.once('error', (error) => resolve(codeOf(error)))
  })
  if (code === 'ENOENT') return staleAt(path)
  if (code === 'ECONNREFUSED') return found
  throw systemError('EADDRINUSE', path, 'address already in use')
}

/** Makes a folder beside the path that only this user may enter. @throws Error of the system, which names the path */
function makeFolder(path: string): string {
  let folder: string
  try {
    folder = mkdtempSync(`${dirname(path)}/.`)
  } catch (thrown) {
    const code = codeOf(thrown) ?? 'EIO'
    throw systemError(
      code,
      path,
      code === 'ENOENT' ? 'its folder does not exist' : 'its folder cannot be written',
    )
  }
  if (Buffer.byteLength(folder) + 2 <= MAX_SOCKET_PATH) return folder
  rmdirSync(folder)
  const message = `expected a path in a folder whose path is shorter: at most ${MAX_SOCKET_PATH - 10} bytes`
  throw systemError('ENAMETOOLONG', path, message)
}

function isSameFile(one: Stats, other: Stats): boolean {
  return one.ino === other.ino && one.dev === other.dev
}

function systemError(code: string, path: string, why: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`listen ${code}: ${why}: ${path}`), {
    code,
    syscall: 'listen',
    address: path,
  })
}

function codeOf(thrown: unknown): string | undefined {
  return (thrown as NodeJS.ErrnoException | undefined)?.code
}

/** Runs clean-up that may fail, because another process may have been faster. */
function ignoring(act: () => void): void {
  try {
    act()
  } catch {
    // The file is gone already, or belongs to another process.
  }
}
