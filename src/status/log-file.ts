import { close, constants, open } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import type { SonicBoom } from 'sonic-boom'
import { settledWithin } from '../base/timing.js'
import { LogWarning } from './log-warning.js'

/** Bytes that are gathered before they are written, or for how long, in milliseconds. */
const GATHERED = 32 * 1024
const GATHERED_MS = 1_000
/** What may wait for a disk that does not take it; more is left out, and said. */
const MAX_WAITING = 16 * 1024 * 1024
/** For what is gathered to be written at the end, in milliseconds. */
const CLOSE_MS = 2_000

/** Without waiting: a pipe that nobody reads would hold up whoever opens it for ever. */
const APPEND = constants.O_APPEND | constants.O_CREAT | constants.O_WRONLY | constants.O_NONBLOCK

/** A file that lines are added to. A disk that takes nothing is told of once, by a warning of the process, and harms no request. */
export class LogFile {
  readonly #path: string
  readonly #warning: LogWarning
  #file: SonicBoom | undefined
  #isClosed = false
  /** Of this turn of the event loop. */
  #lines = ''

  constructor(path: string) {
    this.#path = path
    this.#warning = new LogWarning(`the log ${path}`)
  }

  /** @throws what node says, if it cannot be opened */
  async open(): Promise<void> {
    this.#file = await this.#openNew()
  }

  write(line: string): void {
    // sonic-boom counts the bytes of each text that it is given, which costs more than to make the line.
    if (this.#lines === '') setImmediate(this.#passOn)
    this.#lines += line
  }

  readonly #passOn = (): void => {
    const lines = this.#lines
    this.#lines = ''
    if (lines !== '') this.#file?.write(lines)
  }

  /** Opens it anew. Where that fails, lines go on to the file that was there. */
  async reopen(): Promise<void> {
    if (!this.#file) return
    try {
      const file = await this.#openNew()
      this.#passOn()
      const before = this.#file
      this.#file = file
      if (before) await end(before)
    } catch (error) {
      this.#warning.tell(`cannot be opened anew: ${(error as Error).message}`)
    }
  }

  /** What is gathered is written first. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#passOn()
    const file = this.#file
    this.#file = undefined
    if (file) await end(file)
  }

  async #openNew(): Promise<SonicBoom> {
    await mkdir(dirname(this.#path), { recursive: true })
    const { SonicBoom: File } = (await import('sonic-boom')).default as unknown as {
      SonicBoom: typeof SonicBoom
    }
    const fd = await promisify(open)(this.#path, APPEND, 0o644)
    if (this.#isClosed) {
      await promisify(close)(fd)
      throw new Error('it was closed meanwhile')
    }
    const file = new File({
      fd,
      minLength: GATHERED,
      maxWrite: 2 * GATHERED,
      maxLength: MAX_WAITING,
      periodicFlush: GATHERED_MS,
      sync: false,
    })
    file.on('error', (error) => this.#warning.tell(`cannot be written: ${error.message}`))
    file.on('drop', () => this.#warning.tell('cannot be written as fast as requests end; lines are left out'))
    file.on('drain', () => this.#warning.isOver())
    return file
  }
}

/** Writes what is gathered, and closes it; a disk that does not take it has so long. */
async function end(file: SonicBoom): Promise<void> {
  const closed = new Promise((resolve) => file.once('close', resolve))
  const failed = new Promise((resolve) => file.once('error', resolve))
  file.end()
  await settledWithin(Promise.race([closed, failed]), CLOSE_MS)
  file.destroy()
  await settledWithin(closed, CLOSE_MS)
}
