import { lstat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { ProviderConfig } from '../../model/config.js'
import { asError, ProxyError } from '../../model/errors.js'
import type { ConfigSink } from '../../model/provider.js'
import { type DocumentPlace, type FoundFiles, findFiles, type ReadFile, readFiles } from './document-files.js'
import { FolderWatch } from './folder-watch.js'
import { documentOf } from './merge-files.js'

/** Which files are followed for changes, and how. `FileProviderOptions` explains the fields. */
export interface FollowedFiles {
  readonly at: DocumentPlace
  readonly watch: boolean
  readonly debounceMs: number
  readonly maxBytes: number
}

/**
 * Reads configuration files, and reads them again when they change, for one sink. An instance lives from one `start` of the
 * provider to its `stop`.
 */
export class FileFollower {
  readonly #files: FollowedFiles
  readonly #sink: ConfigSink
  readonly #watch: FolderWatch
  readonly #stopped = new AbortController()
  /** Fingerprints of the files that were read last. `FoundFiles` explains them. */
  #mark: string | undefined
  #inodes: string | undefined
  #isUnavailable = false
  #isReading = false
  #hasChanged = false

  constructor(files: FollowedFiles, sink: ConfigSink) {
    const { at } = files
    this.#files = files
    this.#sink = sink
    this.#watch = new FolderWatch(
      'filename' in at ? dirname(at.filename) : at.directory,
      () => void this.#readUntilCurrent(),
    )
    this.#watch.start()
    void this.#readUntilCurrent()
  }

  stop(): void {
    this.#stopped.abort()
    this.#watch.stop()
  }

  /** Reads the files and delivers their document. If a change is reported meanwhile, reads and delivers again. */
  async #readUntilCurrent(): Promise<void> {
    this.#hasChanged = true
    if (this.#isReading) return
    this.#isReading = true
    while (this.#hasChanged && !this.#stopped.signal.aborted) {
      this.#hasChanged = false
      await this.#readAndDeliver()
    }
    this.#isReading = false
  }

  /** Reads the files once and delivers their document. The promise never rejects. */
  async #readAndDeliver(): Promise<void> {
    const { signal } = this.#stopped
    const started = performance.now()
    try {
      const files = await this.#readQuiet()
      if (signal.aborted) return
      this.#answered()
      if (!files) return
      const read = performance.now()
      const document = await documentOf(files, signal)
      if (signal.aborted) return
      const steps = { read: read - started, parse: performance.now() - read }
      // Without the option `watch`, the provider stops after the first document. It continues while the folder is empty, because
      // files may still be added.
      if (!this.#files.watch && files.length > 0) this.stop()
      // Does not wait for the result of the delivery, so that the next read can begin. Events report the result.
      void this.#sink.update(document as ProviderConfig, { steps })
    } catch (thrown) {
      if (!signal.aborted) this.#failed(asError(thrown))
    }
  }

  #answered(): void {
    if (this.#isUnavailable) this.#sink.recovered()
    this.#isUnavailable = false
  }

  #failed(error: Error): void {
    if (error instanceof ProxyError) {
      this.#answered()
      this.#sink.reject(error)
      return
    }
    this.#mark = undefined
    this.#isUnavailable = true
    this.#sink.unavailable(new ProxyError('PROXY_CONFIG_UNREACHABLE', error.message, { cause: error }))
  }

  /**
   * Waits until the files have not changed for long enough, and reads them. Returns undefined if they have not changed since the
   * last read.
   */
  async #readQuiet(): Promise<readonly ReadFile[] | undefined> {
    const { at, maxBytes } = this.#files
    let found = await this.#find()
    while (found.mark !== this.#mark) {
      await this.#sleep(this.#quietTimeLeft(found))
      const again = await this.#find()
      if (again.mark === found.mark) {
        // Sets the fingerprint before the read, so that a flaw of these files is reported once and not at each check.
        this.#mark = found.mark
        this.#inodes = found.inodes
        const files = await readFiles(found, at, maxBytes).catch((error: unknown) => {
          if (!isGone(error)) throw error
        })
        const after = await this.#find()
        if (files && after.mark === found.mark) return files
        // If a file was missing for a moment, drops the fingerprint: the file must be read even if it comes back unchanged.
        if (!files) this.#mark = undefined
        found = after
      } else found = again
    }
    return undefined
  }

  /**
   * Returns the milliseconds to wait before the files are read, because a program may still be writing them.
   *
   * A file that was renamed to its path is complete, so the time since its last modification counts as part of the wait. If a
   * file has changed without a rename, its modification time may come from a clock that is behind. Such a file is read only after
   * `debounceMs` without an observed change.
   */
  #quietTimeLeft({ inodes, quietMs }: FoundFiles): number {
    const { debounceMs } = this.#files
    return inodes === this.#inodes ? debounceMs : debounceMs - Math.max(quietMs, 0)
  }

  /**
   * Finds the files, and tries once more if one is missing: a program that replaces a file may remove the old file first.
   *
   * If a configuration file was renamed or removed after its folder was listed, that is not an outage. The folder is then listed
   * again, however often that happens.
   */
  async #find(): Promise<FoundFiles> {
    for (let isFirst = true; ; ) {
      try {
        return await findFiles(this.#files.at)
      } catch (error) {
        if (!isGone(error)) throw error
        if (!(await hasMoved(error, this.#files.at))) {
          if (!isFirst || this.#isUnavailable) throw error
          isFirst = false
        }
        await this.#sleep(this.#files.debounceMs)
      }
    }
  }

  async #sleep(ms: number): Promise<void> {
    if (ms > 0) await delay(ms, undefined, { signal: this.#stopped.signal, ref: false })
  }
}

function isGone(error: unknown): error is NodeJS.ErrnoException {
  return (error as NodeJS.ErrnoException | null)?.code === 'ENOENT'
}

/**
 * Returns whether a missing file has left its folder. A broken symbolic link is still in the folder, so it counts as an outage.
 */
async function hasMoved({ path }: NodeJS.ErrnoException, at: DocumentPlace): Promise<boolean> {
  if (!('directory' in at) || path === undefined || path === at.directory) return false
  return lstat(path).then(() => false, isGone)
}
