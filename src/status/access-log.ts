import type { Writable } from 'node:stream'
import { type EndedRequest, statusOf } from '../engine/request-reports.js'
import { asError } from '../model/errors.js'
import { onRejected } from '../model/rejections.js'
import { type AccessLogFilters, keeps } from './access-log-filters.js'
import { type HeaderModes, type LoggedHeaders, loggedHeaders } from './access-log-headers.js'
import { entryOf, type Line, lineAsCommon, lineAsJson } from './access-log-lines.js'
import { LogFile } from './log-file.js'
import { LogWarning } from './log-warning.js'

/** Where a line for each request goes, and in which form. Exactly one of `file`, `stream` and `logger`. */
export interface AccessLogOptions {
  /** Path of a file; folders above it are made. `proxy.reopenLogs()` opens it anew. */
  readonly file?: string
  readonly stream?: Pick<Writable, 'write'> & Partial<Pick<Writable, 'on' | 'writable' | 'writableLength'>>
  /** The host's own logger, of pino's form: `info(fields, message)`. `format` does not matter to it. */
  readonly logger?: { info(fields: object, message: string): void }
  /** `common`: the Common Log Format with Traefik's further fields. `json`: Traefik 1.7's names. Default `common`. */
  readonly format?: 'common' | 'json'
  /** Which requests are logged. Default: all. */
  readonly filters?: AccessLogFilters
  /** What of headers is logged, in JSON and by a logger. Default: nothing. */
  readonly headers?: HeaderModes
}

type Write = (line: Line) => unknown

/** Writes a line for each request that has ended. Source of names and forms: Traefik 1.7's `[accessLog]`. */
export class AccessLog {
  readonly #options: AccessLogOptions
  readonly #write: Write
  readonly #headers: ((request: EndedRequest) => LoggedHeaders) | undefined
  readonly #file: LogFile | undefined
  readonly #warning = new LogWarning('the access log')
  #count = 0

  constructor(options: AccessLogOptions) {
    this.#options = options
    this.#headers = options.headers && loggedHeaders(options.headers)
    this.#file = options.file === undefined ? undefined : new LogFile(options.file)
    this.#write = this.#writer()
  }

  /** Opens the file, if it is one. @throws what node says, if it cannot be opened */
  async open(): Promise<void> {
    await this.#file?.open()
  }

  /** @param endedAt as `Date.now()` said */
  readonly record = (request: EndedRequest, durationMs: number, endedAt = Date.now()): void => {
    const status = statusOf(request)
    this.#count += 1
    const { filters } = this.#options
    if (filters && !keeps(filters, status, request.retries, durationMs)) return
    try {
      const headers = this.#headers?.(request)
      const answer = this.#write({ request, status, durationMs, count: this.#count, endedAt, headers })
      onRejected(answer, this.#failed)
    } catch (error) {
      this.#failed(error)
    }
  }

  /** The logger or stream is the host's: it may throw, and a logger's promise may reject. */
  readonly #failed = (error: unknown): void => {
    this.#warning.tell(`cannot be written: ${asError(error).message}`)
  }

  /** Opens the file anew, after it was moved away. Never rejects: where that fails, lines go on to the file that was there. */
  async reopen(): Promise<void> {
    await this.#file?.reopen()
  }

  /** What is gathered is written. */
  async close(): Promise<void> {
    await this.#file?.close()
  }

  #writer(): Write {
    const { stream, logger, format = 'common' } = this.#options
    if (logger) return (line) => logger.info(entryOf(line), 'access')
    const text = format === 'json' ? lineAsJson : lineAsCommon
    if (!stream) return (line) => this.#file?.write(text(line))
    stream.on?.('error', (error: Error) => this.#warning.tell(`cannot be written: ${error.message}`))
    return (line) => {
      if (stream.writable === false) return this.#warning.tell('cannot be written: its stream has ended')
      if ((stream.writableLength ?? 0) < MAX_UNWRITTEN) return stream.write(text(line))
      return this.#warning.tell('cannot be written as fast as requests end; lines are left out')
    }
  }
}

/** What a stream may hold unwritten, in bytes, before lines are left out: the process must not end by its log. */
const MAX_UNWRITTEN = 16 * 1024 * 1024
