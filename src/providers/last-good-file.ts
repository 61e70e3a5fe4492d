import { createHash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import type { ProviderConfig } from '../model/config.js'
import { asError, ProxyError } from '../model/errors.js'
import type { CachedConfig, ConfigCache } from '../model/provider.js'
import {
  flawOfFile,
  flawOfFolder,
  isLink,
  openRegular,
  removeLeftOvers,
  replaceFile,
} from './private-file.js'

const FORMAT = 'switchover last good configuration, 1'

/**
 * How every last good file begins in any version of the format, if all white space is left out. Any other file belongs to another
 * program.
 */
const HEAD = withoutSpace('{"format":"switchover last good configuration, ')

/** The number of bytes that are read to recognise the file. They include all of `HEAD` even if a person reformatted the file. */
const HEAD_BYTES = 256

interface Section extends CachedConfig {
  /**
   * SHA-256 of the document's JSON text. If it does not match, this section of the file is damaged or was edited by hand, and
   * must not serve.
   */
  readonly sha256: string
}

/**
 * Keeps the last good configuration of each provider on disk, in one file with a section for each provider.
 *
 * The file is replaced as a whole: the new text is written to a second file, synced to disk, and renamed. A reader therefore
 * finds the old text or the new one, never half of one. A file in another format belongs to another program, and is never
 * overwritten. A damaged last good file is replaced.
 *
 * @example
 * ```ts
 * const lastGood = new LastGoodFile('/var/lib/switchover/last-good.json', { startGraceMs: 5_000 })
 * const proxy = createProxy({ providers, lastGood })
 * ```
 */
export class LastGoodFile implements ConfigCache {
  /**
   * Milliseconds that each provider has after the start to deliver a configuration. After that, its saved one is used instead.
   */
  readonly startGraceMs: number
  readonly #path: string
  readonly #sections = new Map<string, Section>()
  #writing: Promise<void> | undefined
  #mustWriteAgain = false
  #isFolderKnown = false

  /**
   * Makes a cache of last good configurations in a file. Only the running proxy reads and writes the file, not this constructor.
   *
   * @param path the path of the file; its folder must exist and be writable
   */
  constructor(
    path: string,
    options: {
      /**
       * Milliseconds that each provider has to deliver a configuration before its saved one is used instead.
       *
       * @default 3_000
       */
      readonly startGraceMs?: number
    } = {},
  ) {
    this.#path = path
    this.startGraceMs = options.startGraceMs ?? 3_000
  }

  /**
   * Reads the file and returns the saved configurations by the provider's name. If the file does not exist, the map is empty.
   *
   * @throws ProxyError `PROXY_CACHE_INVALID` if the file is damaged, has another format or is a symbolic link. The file is
   * also refused if its owner is neither this process's user nor root, or if every user may write to it.
   */
  async load(): Promise<ReadonlyMap<string, CachedConfig>> {
    const text = await this.#read()
    if (text === undefined) return new Map()
    for (const [provider, section] of this.#parse(text)) this.#sections.set(provider, section)
    return this.#sections
  }

  /**
   * Writes one provider's configuration to the file. All calls during a write are served together by one further write.
   *
   * @throws ProxyError `PROXY_CACHE_FAILED` if the file cannot be written or belongs to another program; the file stays as it was
   */
  save(provider: string, { document, savedAt }: CachedConfig): Promise<void> {
    this.#sections.set(provider, { savedAt, sha256: checksum(document), document })
    this.#mustWriteAgain = true
    this.#writing ??= this.#write()
    return this.#writing
  }

  /** Writes the file, and again if `save` was called during the write. If the last of these writes fails, the promise rejects. */
  async #write(): Promise<void> {
    // Continues only after `save` has assigned the promise of this write to `#writing`. Every other call of `save` then finds the
    // write in progress.
    await undefined
    for (;;) {
      this.#mustWriteAgain = false
      const failure = await this.#replace().then(
        () => undefined,
        (error: unknown) => error,
      )
      if (this.#mustWriteAgain) continue
      // Clears `#writing` without an `await` after the check of `#mustWriteAgain`. A configuration that is saved in between would
      // never be written.
      this.#writing = undefined
      if (failure !== undefined) throw failure
      return
    }
  }

  async #replace(): Promise<void> {
    try {
      await this.#checkFolder()
      const text = JSON.stringify({ format: FORMAT, providers: Object.fromEntries(this.#sections) })
      // Before each write, checks that the file is still a last good file: another program may have put its own file at this
      // path. A symbolic link is not opened, because the write replaces it.
      if (!(await isLink(this.#path))) await (await this.#openOwn())?.close()
      await replaceFile(this.#path, text)
    } catch (error) {
      throw new ProxyError('PROXY_CACHE_FAILED', `${this.#path}: ${asError(error).message}`, { cause: error })
    }
  }

  /**
   * Warns once if other users can write to the file's folder: they could make the proxy serve any configuration. Also removes
   * temporary files that earlier processes left there. The promise never rejects.
   */
  async #checkFolder(): Promise<void> {
    if (this.#isFolderKnown) return
    this.#isFolderKnown = true
    const folder = dirname(resolve(this.#path))
    // If the folder is missing, this error is ignored: the next write fails and reports it.
    const flaw = await flawOfFolder(folder).catch(() => undefined)
    if (flaw)
      process.emitWarning(
        `the folder of the last good file, ${folder}: ${flaw}; a user who can write there can have a configuration served`,
        'SwitchoverWarning',
      )
    await removeLeftOvers(this.#path)
  }

  async #read(): Promise<string | undefined> {
    try {
      await this.#checkFolder()
      const file = await this.#openOwn()
      if (!file) return undefined
      try {
        const flaw = flawOfFile(await file.stat())
        if (flaw) throw new Error(`${flaw}, so its content is not trusted`)
        return await file.readFile('utf8')
      } finally {
        await file.close()
      }
    } catch (error) {
      throw this.#invalid(asError(error).message, error)
    }
  }

  /**
   * Opens the last good file, and returns undefined if no file exists. Reads only the first bytes, to recognise the format.
   *
   * @throws Error if it is a symbolic link, not a regular file, or a file in another format
   */
  async #openOwn(): Promise<FileHandle | undefined> {
    const file = await openRegular(this.#path)
    if (!file) return undefined
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0)
      const start = withoutSpace(buffer.toString('latin1', 0, bytesRead))
      // The first condition accepts a last good file of any version. The second one accepts a damaged one that ends within
      // `HEAD`.
      if (start.startsWith(HEAD) || HEAD.startsWith(start)) return file
      throw new Error('it is not a last good file of switchover, so it is left alone')
    } catch (error) {
      await file.close()
      throw error
    }
  }

  #parse(text: string): [provider: string, section: Section][] {
    let content: { format?: unknown; providers?: unknown } | null
    try {
      content = JSON.parse(text)
    } catch (error) {
      throw this.#invalid('it is not JSON, so it is damaged', error)
    }
    if (content?.format !== FORMAT || typeof content.providers !== 'object' || content.providers === null) {
      throw this.#invalid(`expected a file of the format ${JSON.stringify(FORMAT)}`)
    }
    const sections = Object.entries(content.providers as Record<string, Section | null>)
    for (const [provider, section] of sections) {
      if (!isWhole(section)) {
        throw this.#invalid(`the section of ${JSON.stringify(provider)} does not match its checksum`)
      }
    }
    return sections as [string, Section][]
  }

  #invalid(reason: string, cause?: unknown): ProxyError {
    return new ProxyError('PROXY_CACHE_INVALID', `${this.#path}: ${reason}`, { cause })
  }
}

function isWhole(section: Section | null): boolean {
  try {
    return section?.document !== undefined && checksum(section.document) === section.sha256
  } catch {
    // If `JSON.stringify` throws, the document is nested too deep. This class cannot have written it, so the section is damaged.
    return false
  }
}

function checksum(document: ProviderConfig): string {
  return createHash('sha256').update(JSON.stringify(document)).digest('hex')
}

function withoutSpace(text: string): string {
  return text.replaceAll(/\s/g, '')
}
