import { resolve } from 'node:path'
import { onlyKnownOptions, positiveOption } from '../../base/known-options.js'
import { describeValue } from '../../base/messages.js'
import { ProxyError } from '../../model/errors.js'
import type { ConfigSink, Provider } from '../../model/provider.js'
import { FileFollower, type FollowedFiles } from './file-follower.js'

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
  readonly #files: FollowedFiles
  #follower: FileFollower | undefined

  /** @throws ProxyError `PROXY_OPTION_INVALID` */
  constructor(options: FileProviderOptions) {
    checkOptions(options)
    const { filename, directory = '', watch = true, debounceMs = 80, maxBytes = 64 * 1024 * 1024 } = options
    this.name = options.name ?? 'file'
    this.allowEmpty = options.allowEmpty ?? false
    const at = filename === undefined ? { directory: resolve(directory) } : { filename: resolve(filename) }
    this.#files = { at, watch, debounceMs, maxBytes }
  }

  async start(sink: ConfigSink): Promise<void> {
    this.#follower = new FileFollower(this.#files, sink)
  }

  async stop(): Promise<void> {
    this.#follower?.stop()
  }
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
