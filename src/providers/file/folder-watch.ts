import { type FSWatcher, stat, watch } from 'node:fs'
import { basename } from 'node:path'

/** Milliseconds between two checks for changes that the operating system did not report. */
const CHECK_MS = 1_000

/**
 * Calls a function when something in a folder may have changed. The function must find out itself which files have changed.
 *
 * The operating system reports most changes at once. It misses some, such as a folder that is removed and created again, or
 * changes on a network disk. So the function is also called once a second.
 */
export class FolderWatch {
  readonly #folder: string
  readonly #onChange: () => void
  #watcher: FSWatcher | undefined
  /** Device and inode of the folder that is watched. */
  #watched: string | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(folder: string, onChange: () => void) {
    this.#folder = folder
    this.#onChange = onChange
  }

  start(): void {
    this.#watch()
    this.#timer = setInterval(() => this.#tick(), CHECK_MS)
    this.#timer.unref()
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#forget()
  }

  /**
   * Checks whether another folder is now at the path, for example because a symbolic link was changed, and then watches that
   * folder. Calls the function in any case.
   */
  #tick(): void {
    stat(this.#folder, { bigint: true }, (_error, found) => {
      if (this.#timer === undefined) return
      const now = found && `${found.dev} ${found.ino}`
      if (now !== this.#watched) this.#forget()
      this.#watched = now
      if (!this.#watcher) this.#watch()
      this.#onChange()
    })
  }

  #watch(): void {
    try {
      const watcher = watch(this.#folder, { persistent: false }, (event, name) => {
        this.#onChange()
        // If the folder itself may have been removed, checks that at once. The watcher of a removed folder reports nothing
        // further.
        if (event === 'rename' && name === basename(this.#folder)) this.#tick()
      })
      watcher.on('error', () => this.#forget())
      this.#watcher = watcher
    } catch {
      // If the folder is missing or the operating system has no watches left, the error is ignored. The timer tries again.
    }
  }

  #forget(): void {
    this.#watcher?.close()
    this.#watcher = undefined
  }
}
