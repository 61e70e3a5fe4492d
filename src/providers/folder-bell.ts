import { type FSWatcher, watch } from 'node:fs'

/** What the system did not tell is found after this, in milliseconds. */
const LOOK_MS = 1_000

/**
 * Rings when something in a folder may have changed: at once where the system tells, and once a second, for it does not tell
 * all: a folder that is removed and comes back, a disk over the network. Whoever is rung looks at what is there.
 */
export class FolderBell {
  readonly #folder: string
  readonly #ring: () => void
  #watcher: FSWatcher | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(folder: string, ring: () => void) {
    this.#folder = folder
    this.#ring = ring
  }

  start(): void {
    this.#watch()
    this.#timer = setInterval(() => {
      if (!this.#watcher) this.#watch()
      this.#ring()
    }, LOOK_MS)
    this.#timer.unref()
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#forget()
  }

  #watch(): void {
    try {
      const watcher = watch(this.#folder, { persistent: false }, (event, name) => {
        // The folder itself was removed, or another one came in its place: this watcher will tell of nothing any more.
        if (event === 'rename' && (name === null || this.#folder.endsWith(name))) this.#forget()
        this.#ring()
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
