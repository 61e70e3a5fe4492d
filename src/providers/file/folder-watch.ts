import { type FSWatcher, stat, watch } from 'node:fs'
import { basename } from 'node:path'

/** What the system did not tell is found after this, in milliseconds. */
const LOOK_MS = 1_000

/**
 * Rings when something in a folder may have changed: at once where the system tells, and once a second, for it does not tell
 * all: a folder that is removed and comes back, a disk over the network. Whoever is rung looks at what is there.
 */
export class FolderWatch {
  readonly #folder: string
  readonly #ring: () => void
  #watcher: FSWatcher | undefined
  /** Which folder is watched, by device and inode. */
  #watched: string | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(folder: string, ring: () => void) {
    this.#folder = folder
    this.#ring = ring
  }

  start(): void {
    this.#watch()
    this.#timer = setInterval(() => this.#tick(), LOOK_MS)
    this.#timer.unref()
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#forget()
  }

  /** Another folder may have come in the place of the one that is watched: a link that was turned, for example. */
  #tick(): void {
    stat(this.#folder, { bigint: true }, (_error, found) => {
      if (this.#timer === undefined) return
      const now = found && `${found.dev} ${found.ino}`
      if (now !== this.#watched) this.#forget()
      this.#watched = now
      if (!this.#watcher) this.#watch()
      this.#ring()
    })
  }

  #watch(): void {
    try {
      const watcher = watch(this.#folder, { persistent: false }, (event, name) => {
        this.#ring()
        // The folder itself was removed, perhaps: a watcher of one that is gone tells of nothing any more.
        if (event === 'rename' && name === basename(this.#folder)) this.#tick()
      })
      watcher.on('error', () => this.#forget())
      this.#watcher = watcher
    } catch {
      // It is not there, or the system has no watches left: the timer looks.
    }
  }

  #forget(): void {
    this.#watcher?.close()
    this.#watcher = undefined
  }
}
