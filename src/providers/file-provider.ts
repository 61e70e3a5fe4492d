import { dirname, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { ProviderConfig } from '../model/config.js'
import { asError, ProxyError } from '../model/errors.js'
import type { ConfigSink, Provider } from '../model/provider.js'
import { describeValue } from '../rules/document-shapes.js'
import { onlyKnownOptions, positiveOption } from '../rules/known-options.js'
import { type DocumentPlace, documentOf, findFiles, type ReadFile, readFiles } from './document-files.js'
import { FolderBell } from './folder-bell.js'

/** Where documents lie. Exactly one of `filename` and `directory`. */
export interface FileProviderOptions {
  /** A file whose name ends with `.toml`, `.yaml`, `.yml` or `.json`. Traefik 1.7's `rules.toml` works unchanged. */
  readonly filename?: string
  /** A folder: all documents in it, and in the folders in it, make one. Names that begin with a dot are left out. */
  readonly directory?: string
  /** Whether changes are followed. Default true; Traefik's is false. */
  readonly watch?: boolean
  /** The provider's name. Default `file`. */
  readonly name?: string
  /** Whether a document without frontends may go live. Default false. */
  readonly allowEmpty?: boolean
  /**
   * How long a file must have been left alone before it is read, in milliseconds: one that is being written holds half of what
   * it will. A file that was finished before it was renamed into place is read at once. Default 80.
   */
  readonly debounceMs?: number
  /** Of one file. Default 64 MiB. */
  readonly maxBytes?: number
}

const OPTIONS = ['filename', 'directory', 'watch', 'name', 'allowEmpty', 'debounceMs', 'maxBytes'] as const

/** Delivers what stands in a file, or in the files of a folder, and follows their changes. */
export class FileProvider implements Provider {
  readonly name: string
  readonly allowEmpty: boolean
  readonly #at: DocumentPlace
  readonly #watches: boolean
  readonly #debounceMs: number
  readonly #maxBytes: number
  #bell: FolderBell | undefined
  #stopped = new AbortController()
  /** Of what was read last. */
  #mark: string | undefined
  #isTroubled = false
  #isReading = false
  #hasRung = false

  /** @throws ProxyError `PROXY_OPTION_INVALID` */
  constructor(options: FileProviderOptions) {
    checkOptions(options)
    const { filename, directory = '' } = options
    this.name = options.name ?? 'file'
    this.allowEmpty = options.allowEmpty ?? false
    this.#at = filename === undefined ? { directory: resolve(directory) } : { filename: resolve(filename) }
    this.#watches = options.watch ?? true
    this.#debounceMs = options.debounceMs ?? 80
    this.#maxBytes = options.maxBytes ?? 64 * 1024 * 1024
  }

  async start(sink: ConfigSink): Promise<void> {
    this.#stopped = new AbortController()
    // Without `watch` too, until the first document is there.
    const folder = 'filename' in this.#at ? dirname(this.#at.filename) : this.#at.directory
    this.#bell = new FolderBell(folder, () => void this.#look(sink))
    this.#bell.start()
    void this.#look(sink)
  }

  async stop(): Promise<void> {
    this.#stopped.abort()
    this.#endWatch()
    this.#mark = undefined
  }

  #endWatch(): void {
    this.#bell?.stop()
    this.#bell = undefined
  }

  /** Reads until nothing has rung meanwhile. */
  async #look(sink: ConfigSink): Promise<void> {
    this.#hasRung = true
    if (this.#isReading) return
    this.#isReading = true
    while (this.#hasRung && this.#bell && !this.#stopped.signal.aborted) {
      this.#hasRung = false
      await this.#readAndDeliver(sink)
    }
    this.#isReading = false
  }

  async #readAndDeliver(sink: ConfigSink): Promise<void> {
    const started = performance.now()
    let files: readonly ReadFile[] | undefined
    try {
      files = await this.#readQuiet()
    } catch (thrown) {
      if (this.#stopped.signal.aborted) return
      this.#mark = undefined
      if (thrown instanceof ProxyError) sink.reject(thrown)
      else sink.trouble(unreachable(asError(thrown)))
      this.#isTroubled = !(thrown instanceof ProxyError)
      return
    }
    if (this.#isTroubled) sink.recovered()
    this.#isTroubled = false
    if (!files || this.#stopped.signal.aborted) return
    const read = performance.now()
    try {
      const document = await documentOf(files)
      const steps = { read: read - started, parse: performance.now() - read }
      if (!this.#watches) this.#endWatch()
      // What becomes of it is told by events; the next file need not wait for it.
      void sink.update(document as ProviderConfig, { steps })
    } catch (thrown) {
      sink.reject(thrown as ProxyError)
    }
  }

  /** What is there, once it has been left alone for long enough; undefined if it is what was read last. */
  async #readQuiet(): Promise<readonly ReadFile[] | undefined> {
    let found = await findFiles(this.#at)
    while (found.mark !== this.#mark) {
      // A clock that is ahead, as of a disk over the network, must not make it wait for ever.
      const waitMs = this.#debounceMs - Math.max(found.quietMs, 0)
      if (waitMs > 0) await delay(waitMs, undefined, { signal: this.#stopped.signal, ref: false })
      const files = await readFiles(found, this.#at, this.#maxBytes)
      const again = await findFiles(this.#at)
      if (again.mark === found.mark) {
        this.#mark = found.mark
        return files
      }
      found = again
    }
    return undefined
  }
}

function unreachable(error: Error): ProxyError {
  return new ProxyError('PROXY_CONFIG_UNREACHABLE', error.message, { cause: error })
}

function checkOptions(options: FileProviderOptions): void {
  onlyKnownOptions(options, OPTIONS, 'FileProvider: ')
  const { filename, directory, watch = true, allowEmpty = false } = options
  const places = [filename, directory].filter((place) => place !== undefined)
  if (places.length !== 1 || typeof places[0] !== 'string' || places[0] === '') {
    throw new ProxyError(
      'PROXY_OPTION_INVALID',
      'FileProvider: expected one of filename and directory, as a path',
    )
  }
  for (const [name, value] of Object.entries({ watch, allowEmpty })) {
    if (typeof value === 'boolean') continue
    const message = `FileProvider: ${name}: expected true or false, found ${describeValue(value)}`
    throw new ProxyError('PROXY_OPTION_INVALID', message)
  }
  positiveOption(options.debounceMs, 'FileProvider: debounceMs')
  positiveOption(options.maxBytes, 'FileProvider: maxBytes')
}
