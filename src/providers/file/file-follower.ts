import { lstat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { ProviderConfig } from '../../model/config.js'
import { asError, ProxyError } from '../../model/errors.js'
import type { ConfigSink } from '../../model/provider.js'
import { type DocumentPlace, type FoundFiles, findFiles, type ReadFile, readFiles } from './document-files.js'
import { FolderWatch } from './folder-watch.js'
import { documentOf } from './merge-files.js'

/** Which files are followed, and how. `FileProviderOptions` explains the fields. */
export interface FollowedFiles {
  readonly at: DocumentPlace
  readonly watch: boolean
  readonly debounceMs: number
  readonly maxBytes: number
}

/** Follows files for one sink, from one `start` of the provider to its `stop`. */
export class FileFollower {
  readonly #files: FollowedFiles
  readonly #sink: ConfigSink
  readonly #watch: FolderWatch
  readonly #stopped = new AbortController()
  /** Mark and inodes of the files that were read last; see `FoundFiles`. */
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

  /** Reads and delivers until no change was reported during the last read. */
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

  /** Reads the files once and delivers their document. Never rejects. */
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
      // Without `watch`, the provider stops after the first document.
      // It goes on while a folder is empty, because files may follow.
      if (!this.#files.watch && files.length > 0) this.stop()
      // Events report the result, so the next read does not wait for it.
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
   * Reads the files once they have not changed for long enough. Returns undefined if they are as they were at the last read.
   */
  async #readQuiet(): Promise<readonly ReadFile[] | undefined> {
    const { at, maxBytes } = this.#files
    let found = await this.#find()
    while (found.mark !== this.#mark) {
      await this.#sleep(this.#quietTimeLeft(found))
      const again = await this.#find()
      if (again.mark === found.mark) {
        // The mark is set before the read, so that a flaw of these files is reported once.
        this.#mark = found.mark
        this.#inodes = found.inodes
        const files = await readFiles(found, at, maxBytes).catch((error: unknown) => {
          if (!isGone(error)) throw error
        })
        const after = await this.#find()
        if (files && after.mark === found.mark) return files
        // A file was missing for a moment. If it comes back unchanged, it must still be read.
        if (!files) this.#mark = undefined
        found = after
      } else found = again
    }
    return undefined
  }

  /**
   * Returns the milliseconds to wait before the files are read.
   *
   * A file that was renamed into place is complete, so its modification time counts as the beginning
   * of the quiet time. The modification time of a file that was there before may come from a clock
   * that is behind. Such a file is read only after `debounceMs` without an observed change.
   */
  #quietTimeLeft({ inodes, quietMs }: FoundFiles): number {
    const { debounceMs } = this.#files
    return inodes === this.#inodes ? debounceMs : debounceMs - Math.max(quietMs, 0)
  }

  /**
   * Finds the files, and tries once more if one is missing: a program that replaces a file may remove the old one first.
   *
   * A document that was renamed or removed after its folder was listed is not
   * an outage. The folder is then listed again, however often that happens.
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

/** Returns whether a missing document has left its folder. A broken link is still in the folder and stays an outage. */
async function hasMoved({ path }: NodeJS.ErrnoException, at: DocumentPlace): Promise<boolean> {
  if (!('directory' in at) || path === undefined || path === at.directory) return false
  return lstat(path).then(() => false, isGone)
}
