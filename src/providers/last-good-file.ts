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

/** The first characters of every file that this class wrote, in any version of its format, without white space. */
const HEAD = withoutSpace('{"format":"switchover last good configuration, ')

/** Bytes read to recognise the file. They hold the head even if a person reformatted the file with white space. */
const HEAD_BYTES = 256

interface Section extends CachedConfig {
  /** SHA-256 of the document's JSON. A section that was edited by hand or damaged must not serve. */
  readonly sha256: string
}

/**
 * Keeps the last good configuration of each provider on disk, in one file with a section for each provider.
 *
 * The file is replaced as a whole: the new text is written to a second file, synced, and renamed.
 * A reader therefore finds the old text or the new one, never half of one. A file in another
 * format belongs to another program and stays as it is. A damaged file of this format is replaced.
 *
 * @example
 * ```ts
 * const lastGood = new LastGoodFile('/var/lib/switchover/last-good.json', { startGraceMs: 5_000 })
 * const proxy = createProxy({ providers, lastGood })
 * ```
 */
export class LastGoodFile implements ConfigCache {
  /** Milliseconds that each provider has to deliver after the start before the file is used instead. */
  readonly startGraceMs: number
  readonly #path: string
  readonly #sections = new Map<string, Section>()
  #writing: Promise<void> | undefined
  #mustWriteAgain = false
  #isFolderKnown = false

  /**
   * Makes a cache in a file. The file is read and written when the proxy runs.
   *
   * @param path the path of the file; its folder must exist and be writable
   */
  constructor(
    path: string,
    options: {
      /**
       * Milliseconds that each provider has to deliver before the file is used.
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
   * Reads the file and returns the configuration of each provider. Without a file, the map is empty.
   *
   * @throws ProxyError `PROXY_CACHE_INVALID` if the file is damaged, has another format or is a link. It is
   * also thrown if the file belongs to a user other than this one or root, or if every user may write to it.
   */
  async load(): Promise<ReadonlyMap<string, CachedConfig>> {
    const text = await this.#read()
    if (text === undefined) return new Map()
    for (const [provider, section] of this.#parse(text)) this.#sections.set(provider, section)
    return this.#sections
  }

  /**
   * Writes one provider's document to the file. Calls during a write are combined into one more write.
   *
   * @throws ProxyError `PROXY_CACHE_FAILED` if the file cannot be written or belongs to another program; it stays as it was
   */
  save(provider: string, { document, savedAt }: CachedConfig): Promise<void> {
    this.#sections.set(provider, { savedAt, sha256: checksum(document), document })
    this.#mustWriteAgain = true
    this.#writing ??= this.#write()
    return this.#writing
  }

  /** Writes until no document came during the last write. A failed write is repeated if a newer document came meanwhile. */
  async #write(): Promise<void> {
    // Waits until `save` has assigned `#writing`, so that every other call of `save` sees this write in progress.
    await undefined
    for (;;) {
      this.#mustWriteAgain = false
      const failure = await this.#replace().then(
        () => undefined,
        (error: unknown) => error,
      )
      if (this.#mustWriteAgain) continue
      // The field is cleared in the same step as the last check. A document that came in between would be lost.
      this.#writing = undefined
      if (failure !== undefined) throw failure
      return
    }
  }

  async #replace(): Promise<void> {
    try {
      await this.#checkFolder()
      const text = JSON.stringify({ format: FORMAT, providers: Object.fromEntries(this.#sections) })
      // The file is checked before each write, because another program may have put its own there since. A link is replaced.
      if (!(await isLink(this.#path))) await (await this.#openOwn())?.close()
      await replaceFile(this.#path, text)
    } catch (error) {
      throw new ProxyError('PROXY_CACHE_FAILED', `${this.#path}: ${asError(error).message}`, { cause: error })
    }
  }

  /** Warns once if other users can write to the folder: they can have a configuration of their own served. Never rejects. */
  async #checkFolder(): Promise<void> {
    if (this.#isFolderKnown) return
    this.#isFolderKnown = true
    const folder = dirname(resolve(this.#path))
    // If the folder is missing, the read or write that follows fails and reports it.
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
   * Opens the file, and returns undefined if it does not exist. Reads
   * only the first bytes, to see that the file has this format.
   *
   * @throws Error if it is a link, no regular file, or a file of another format
   */
  async #openOwn(): Promise<FileHandle | undefined> {
    const file = await openRegular(this.#path)
    if (!file) return undefined
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0)
      const start = withoutSpace(buffer.toString('latin1', 0, bytesRead))
      // The second condition accepts a file of this format that was cut off within its head.
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
    // The document is nested too deep for `JSON.stringify`, so this class cannot have written it.
    return false
  }
}

function checksum(document: ProviderConfig): string {
  return createHash('sha256').update(JSON.stringify(document)).digest('hex')
}

function withoutSpace(text: string): string {
  return text.replaceAll(/\s/g, '')
}
