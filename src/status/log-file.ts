import { close, constants, open } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import type { SonicBoom } from 'sonic-boom'
import { settledWithin } from '../base/timing.js'
import { LogWarning } from './log-warning.js'

/** Bytes of log lines that are buffered before they are written to the file. */
const BUFFER_BYTES = 32 * 1024
/** Milliseconds after which buffered lines are written, even if the buffer is not full. */
const FLUSH_MS = 1_000
/** Bytes that may wait for a slow disk. If more wait, further lines are dropped, and the process emits a warning. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024
/** Milliseconds to wait until the buffered lines are written, when a log file is closed. */
const CLOSE_MS = 2_000

/**
 * Flags for opening the log file. `O_NONBLOCK` matters if the file is a named pipe: if no program reads the pipe, opening it
 * would otherwise block forever.
 */
const APPEND = constants.O_APPEND | constants.O_CREAT | constants.O_WRONLY | constants.O_NONBLOCK

/** Appends lines to a log file. If the disk cannot write, the process emits one warning, and no request fails. */
export class LogFile {
  readonly #path: string
  readonly #warning: LogWarning
  #file: SonicBoom | undefined
  #isClosed = false
  /** The lines that were logged in this turn of the event loop. */
  #lines = ''

  constructor(path: string) {
    this.#path = path
    this.#warning = new LogWarning(`the log ${path}`)
  }

  /** Opens the log file. @throws Error of Node if the file cannot be opened */
  async open(): Promise<void> {
    this.#file = await this.#openNew()
  }

  write(line: string): void {
    // Collect the lines of one turn of the event loop, and give them to sonic-boom together. sonic-boom counts the bytes of each
    // string that it gets, and that costs more than building a log line.
    if (this.#lines === '') setImmediate(this.#passOn)
    this.#lines += line
  }

  readonly #passOn = (): void => {
    const lines = this.#lines
    this.#lines = ''
    if (lines !== '') this.#file?.write(lines)
  }

  /**
   * Opens the log file again, after log rotation. If opening fails, the process emits a warning, and lines still go to the old
   * file.
   */
  async reopen(): Promise<void> {
    if (!this.#file) return
    try {
      const file = await this.#openNew()
      this.#passOn()
      const before = this.#file
      this.#file = file
      if (before) await end(before)
    } catch (error) {
      this.#warning.tell(`cannot be reopened: ${(error as Error).message}`)
    }
  }

  /** Writes the buffered lines, then closes the log file. */
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
      throw new Error('the log was closed while its file was being opened')
    }
    const file = new File({
      fd,
      minLength: BUFFER_BYTES,
      maxWrite: 2 * BUFFER_BYTES,
      maxLength: MAX_WAITING_BYTES,
      periodicFlush: FLUSH_MS,
      sync: false,
    })
    file.on('error', (error) => this.#warning.tell(`cannot be written: ${error.message}`))
    file.on('drop', () => this.#warning.tell('cannot be written as fast as requests end; lines are left out'))
    file.on('drain', () => this.#warning.isOver())
    return file
  }
}

/** Writes the buffered lines and closes the log file. If the disk does not respond, this takes at most 4 s. */
async function end(file: SonicBoom): Promise<void> {
  const closed = new Promise((resolve) => file.once('close', resolve))
  const failed = new Promise((resolve) => file.once('error', resolve))
  file.end()
  await settledWithin(Promise.race([closed, failed]), CLOSE_MS, false)
  file.destroy()
  await settledWithin(closed, CLOSE_MS, false)
}
