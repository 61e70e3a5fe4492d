import { resolve } from 'node:path'
import { flagOption, onlyKnownOptions, positiveOption } from '../../base/known-options.js'
import { ProxyError } from '../../model/errors.js'
import type { ConfigSink, Provider } from '../../model/provider.js'
import { DEFAULT_MAX_BYTES } from '../json-limits.js'
import { FileFollower, type FollowedFiles } from './file-follower.js'

/** Options of {@link FileProvider}, which reads configuration files. Exactly one of `filename` and `directory` must be given. */
export interface FileProviderOptions {
  /**
   * The path of one configuration file, which ends with `.toml`, `.yaml`, `.yml` or `.json`. Traefik 1.7's `rules.toml` works
   * unchanged.
   *
   * @default undefined: `directory` is given
   * @example '/etc/switchover/rules.toml'
   */
  readonly filename?: string
  /**
   * The path of a folder. All configuration files in it and in its subfolders are merged into one document. Files and folders
   * whose names begin with a dot are ignored.
   *
   * @default undefined: `filename` is given
   * @example '/etc/switchover/rules.d'
   */
  readonly directory?: string
  /**
   * Whether the provider follows changes of the files. If false, it reads one document and stops. Traefik's default is false.
   *
   * @default true
   */
  readonly watch?: boolean
  /**
   * The provider's name. It must be unique among the proxy's providers and contain no `@`.
   *
   * @default 'file'
   */
  readonly name?: string
  /**
   * Whether a document without frontends may go live.
   *
   * @default false
   */
  readonly allowEmpty?: boolean
  /**
   * Milliseconds without a change before a file is read, because a program that is still writing has written only a part of it. A
   * file that was complete before it was renamed to its path is read at once.
   *
   * @default 80
   */
  readonly debounceMs?: number
  /**
   * The largest size of one file, in bytes.
   *
   * @default 67_108_864 (64 MiB)
   */
  readonly maxBytes?: number
}

const OPTIONS = ['filename', 'directory', 'watch', 'name', 'allowEmpty', 'debounceMs', 'maxBytes'] as const

/**
 * Delivers the document in a configuration file, or the merged documents in a folder, and delivers again when the files change.
 *
 * @example
 * ```ts
 * const provider = new FileProvider({ directory: '/etc/switchover/rules.d' })
 * const proxy = createProxy({ providers: [provider] })
 * ```
 */
export class FileProvider implements Provider {
  /** The provider's name, unique among the proxy's providers. */
  readonly name: string
  /** Whether a document without frontends may go live. */
  readonly allowEmpty: boolean
  readonly #files: FollowedFiles
  #follower: FileFollower | undefined

  /**
   * Makes a provider that reads configuration files. The provider starts when the proxy starts.
   *
   * @throws ProxyError `PROXY_OPTION_INVALID` for an unknown option, a missing path, or a value of the wrong type or range
   */
  constructor(options: FileProviderOptions) {
    checkOptions(options)
    const { filename, directory = '', watch = true, debounceMs = 80, maxBytes = DEFAULT_MAX_BYTES } = options
    this.name = options.name ?? 'file'
    this.allowEmpty = options.allowEmpty ?? false
    const at = filename === undefined ? { directory: resolve(directory) } : { filename: resolve(filename) }
    this.#files = { at, watch, debounceMs, maxBytes }
  }

  /** Begins to read the files and to watch them for changes. If a file is missing, the provider calls `sink.unavailable`. */
  async start(sink: ConfigSink): Promise<void> {
    this.#follower = new FileFollower(this.#files, sink)
  }

  /** Stops reading and watching the files. */
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
  flagOption(watch, 'FileProvider: watch')
  flagOption(allowEmpty, 'FileProvider: allowEmpty')
  positiveOption(options.debounceMs, 'FileProvider: debounceMs')
  positiveOption(options.maxBytes, 'FileProvider: maxBytes')
}
