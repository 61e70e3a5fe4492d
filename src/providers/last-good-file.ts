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

/** How every file of ours begins, whatever its version, without white space. */
const HEAD = withoutSpace('{"format":"switchover last good configuration, ')

/** More than the head, though somebody laid it out for reading. */
const HEAD_BYTES = 256

interface Section extends CachedConfig {
  /** Of the document's JSON: a section that was edited by hand or damaged must not serve. */
  readonly sha256: string
}

/**
 * The last good configurations on disk: one file with a section per provider. The file is replaced as a whole (written
 * beside it, synced, renamed): whoever reads it finds the old one or the new one, never half of one. What is there but
 * is no such file is somebody else's, and stays as it is; a damaged one of ours is replaced.
 */
export class LastGoodFile implements ConfigCache {
  readonly startGraceMs: number
  readonly #path: string
  readonly #sections = new Map<string, Section>()
  #writing: Promise<void> | undefined
  #again = false
  #isFolderKnown = false

  /**
   * @param path of the file; its folder must exist and be writable
   * @param options.startGraceMs how long a provider may take to deliver before the file is used. Default 3,000
   */
  constructor(path: string, options: { readonly startGraceMs?: number } = {}) {
    this.#path = path
    this.startGraceMs = options.startGraceMs ?? 3_000
  }

  /**
   * What is in the file, by provider; nothing if there is no file.
   *
   * @throws ProxyError `PROXY_CACHE_INVALID` if it is damaged, no file of ours, a link, or of somebody else: what belongs to another
   * user than this one or root, or what everybody may write
   */
  async load(): Promise<ReadonlyMap<string, CachedConfig>> {
    const text = await this.#read()
    if (text === undefined) return new Map()
    for (const [provider, section] of this.#parse(text)) this.#sections.set(provider, section)
    return this.#sections
  }

  /**
   * Keeps one provider's document. Calls while a write is under way are gathered into one more.
   *
   * @throws ProxyError `PROXY_CACHE_FAILED`; the file is as it was, also if it is another program's
   */
  save(provider: string, { document, savedAt }: CachedConfig): Promise<void> {
    this.#sections.set(provider, { savedAt, sha256: checksum(document), document })
    this.#again = true
    this.#writing ??= this.#write()
    return this.#writing
  }

  /** Until nothing came meanwhile: what a write that fails leaves behind may be written now. */
  async #write(): Promise<void> {
    // So that whoever saves finds it under way from its first step on.
    await undefined
    for (;;) {
      this.#again = false
      const failure = await this.#replace().then(
        () => undefined,
        (error: unknown) => error,
      )
      if (this.#again) continue
      // In the same step as the end, or a document that comes in between would be lost.
      this.#writing = undefined
      if (failure !== undefined) throw failure
      return
    }
  }

  async #replace(): Promise<void> {
    try {
      await this.#lookAtFolder()
      const text = JSON.stringify({ format: FORMAT, providers: Object.fromEntries(this.#sections) })
      // Each time: it may have been put there since. A link is nobody's file, and is replaced.
      if (!(await isLink(this.#path))) await (await this.#openOwn())?.close()
      await replaceFile(this.#path, text)
    } catch (error) {
      throw new ProxyError('PROXY_CACHE_FAILED', `${this.#path}: ${asError(error).message}`, { cause: error })
    }
  }

  /** Told once: who can write there can have a document of theirs served. Never rejects. */
  async #lookAtFolder(): Promise<void> {
    if (this.#isFolderKnown) return
    this.#isFolderKnown = true
    const folder = dirname(resolve(this.#path))
    // One that is not there is told of by what fails next.
    const flaw = await flawOfFolder(folder).catch(() => undefined)
    if (flaw)
      process.emitWarning(
        `the folder of the last good file, ${folder}: ${flaw}; whoever can write there can have a configuration served`,
        'SwitchoverWarning',
      )
    await removeLeftOvers(this.#path)
  }

  async #read(): Promise<string | undefined> {
    try {
      await this.#lookAtFolder()
      const file = await this.#openOwn()
      if (!file) return undefined
      try {
        const flaw = flawOfFile(await file.stat())
        if (flaw) throw new Error(`${flaw}, so what stands in it cannot be trusted`)
        return await file.readFile('utf8')
      } finally {
        await file.close()
      }
    } catch (error) {
      throw this.#invalid(asError(error).message, error)
    }
  }

  /** The file, if there is one: at its beginning, and not read further than it takes to see whose it is. */
  async #openOwn(): Promise<FileHandle | undefined> {
    const file = await openRegular(this.#path)
    if (!file) return undefined
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0)
      const start = withoutSpace(buffer.toString('latin1', 0, bytesRead))
      // The second: ours, cut so short that not even its head is whole.
      if (start.startsWith(HEAD) || HEAD.startsWith(start)) return file
      throw new Error('it is no file of ours, so it is left alone')
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
      throw this.#invalid('it is no JSON, so it is damaged', error)
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
    // Nested too deep to be written down again: no document of ours was.
    return false
  }
}

function checksum(document: ProviderConfig): string {
  return createHash('sha256').update(JSON.stringify(document)).digest('hex')
}

function withoutSpace(text: string): string {
  return text.replaceAll(/\s/g, '')
}
