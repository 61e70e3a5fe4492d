import { asError } from '../model/errors.js'
import { LogFile } from '../status/log-file.js'
import type { Logger, LogLevel } from '../status/log-levels.js'
import { LogWarning } from '../status/log-warning.js'

/** Options of the application log: its file and its line format. Source: Traefik's `[traefikLog]`. */
export interface ApplicationLoggerOptions {
  /** The path of the log file. If undefined, lines go to the standard error stream. */
  readonly file: string | undefined
  readonly format: 'common' | 'json'
}

type Level = Exclude<LogLevel, 'off'>

/** Writes the application log. The log file is opened by the method `open`, or else when the first line is written. */
export class ApplicationLogger implements Logger {
  readonly #file: LogFile | undefined
  readonly #isJson: boolean
  readonly #warning = new LogWarning('the application log')
  #opening: Promise<void> | undefined
  #isOpen = false

  constructor({ file, format }: ApplicationLoggerOptions) {
    this.#file = file === undefined ? undefined : new LogFile(file)
    this.#isJson = format === 'json'
  }

  /** Opens the log file. @throws Error of Node if the file cannot be opened */
  open(): Promise<void> {
    this.#opening ??= this.#open()
    return this.#opening
  }

  async #open(): Promise<void> {
    await this.#file?.open()
    this.#isOpen = true
  }

  debug(fields: object, message: string): void {
    this.#write('debug', fields, message)
  }

  info(fields: object, message: string): void {
    this.#write('info', fields, message)
  }

  warn(fields: object, message: string): void {
    this.#write('warn', fields, message)
  }

  error(fields: object, message: string): void {
    this.#write('error', fields, message)
  }

  /** Opens the log file again at the same path. Call it after log rotation has renamed the old file. Never rejects. */
  async reopen(): Promise<void> {
    await this.#opening?.catch(() => {})
    await this.#file?.reopen()
  }

  /** Writes the lines that are still buffered, then closes the file. */
  async close(): Promise<void> {
    await this.#opening?.catch(() => {})
    await this.#file?.close()
  }

  #write(level: Level, fields: object, message: string): void {
    const time = new Date().toISOString()
    const line = this.#isJson
      ? `${JSON.stringify({ level, time, msg: message, ...fields })}\n`
      : `${time} ${level.toUpperCase().padEnd(5)} ${message}\n`
    const file = this.#file
    if (!file) process.stderr.write(line)
    else if (this.#isOpen) file.write(line)
    else
      this.open().then(
        () => file.write(line),
        (thrown: unknown) => this.#warning.tell(`cannot be opened: ${asError(thrown).message}`),
      )
  }
}
