import { lstat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { ProviderConfig } from '../../model/config.js'
import { asError, ProxyError } from '../../model/errors.js'
import type { ConfigSink } from '../../model/provider.js'
import { type DocumentPlace, type FoundFiles, findFiles, type ReadFile, readFiles } from './document-files.js'
import { FolderWatch } from './folder-watch.js'
import { documentOf } from './merge-files.js'

/** How files are followed. */
export interface FollowedFiles {
  readonly at: DocumentPlace
  readonly watch: boolean
  readonly debounceMs: number
  readonly maxBytes: number
}

/** Follows files for one sink, from a start to a stop. */
export class FileFollower {
  readonly #files: FollowedFiles
  readonly #sink: ConfigSink
  readonly #watch: FolderWatch
  readonly #stopped = new AbortController()
  /** Of what was read last, and the files themselves. */
  #mark: string | undefined
  #inodes: string | undefined
  #isUnavailable = false
  #isReading = false
  #hasRung = false

  constructor(files: FollowedFiles, sink: ConfigSink) {
    const { at } = files
    this.#files = files
    this.#sink = sink
    this.#watch = new FolderWatch(
      'filename' in at ? dirname(at.filename) : at.directory,
      () => void this.#look(),
    )
    this.#watch.start()
    void this.#look()
  }

  stop(): void {
    this.#stopped.abort()
    this.#watch.stop()
  }

  /** Reads until nothing has rung meanwhile. */
  async #look(): Promise<void> {
    this.#hasRung = true
    if (this.#isReading) return
    this.#isReading = true
    while (this.#hasRung && !this.#stopped.signal.aborted) {
      this.#hasRung = false
      await this.#readAndDeliver()
    }
    this.#isReading = false
  }

  /** Never rejects. */
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
      // An empty folder is being filled.
      if (!this.#files.watch && files.length > 0) this.stop()
      // What becomes of it is told by events; the next file need not wait for it.
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

  /** What is there, once it has been left alone for long enough; undefined if it is what was read last. */
  async #readQuiet(): Promise<readonly ReadFile[] | undefined> {
    const { at, maxBytes } = this.#files
    let found = await this.#find()
    while (found.mark !== this.#mark) {
      await this.#rest(this.#waitOf(found))
      const again = await this.#find()
      if (again.mark === found.mark) {
        // Whatever comes of it is told once.
        this.#mark = found.mark
        this.#inodes = found.inodes
        const files = await readFiles(found, at, maxBytes).catch((error: unknown) => {
          if (!isGone(error)) throw error
        })
        const after = await this.#find()
        if (files && after.mark === found.mark) return files
        // What was gone for a moment may be back as it was, and was not read.
        if (!files) this.#mark = undefined
        found = after
      } else found = again
    }
    return undefined
  }

  /**
   * A file that was finished before it came here, by a rename, is quiet for as long as it says itself. Of one that was here
   * already, what it says may come of a clock that is behind: it must be seen to be quiet.
   */
  #waitOf({ inodes, quietMs }: FoundFiles): number {
    const { debounceMs } = this.#files
    return inodes === this.#inodes ? debounceMs : debounceMs - Math.max(quietMs, 0)
  }

  /**
   * Looks, and once more if something is gone: who puts another in its place may take it away first. A document of a folder that
   * was listed and then renamed or removed is no outage, however often that happens: the folder is listed anew.
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
        await this.#rest(this.#files.debounceMs)
      }
    }
  }

  async #rest(ms: number): Promise<void> {
    if (ms > 0) await delay(ms, undefined, { signal: this.#stopped.signal, ref: false })
  }
}

function isGone(error: unknown): error is NodeJS.ErrnoException {
  return (error as NodeJS.ErrnoException | null)?.code === 'ENOENT'
}

/** Whether what was missing is no longer in the folder either: a link that leads nowhere is still there, and stays an outage. */
async function hasMoved({ path }: NodeJS.ErrnoException, at: DocumentPlace): Promise<boolean> {
  if (!('directory' in at) || path === undefined || path === at.directory) return false
  return lstat(path).then(() => false, isGone)
}
