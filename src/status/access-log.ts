import type { Writable } from 'node:stream'
import { type EndedRequest, statusOf } from '../engine/request-reports.js'
import { asError } from '../model/errors.js'
import { onRejected } from '../model/rejections.js'
import { type AccessLogFilters, keeps } from './access-log-filters.js'
import { type HeaderModes, type LoggedHeaders, loggedHeaders } from './access-log-headers.js'
import { entryOf, type Line, lineAsCommon, lineAsJson } from './access-log-lines.js'
import { LogFile } from './log-file.js'
import { LogWarning } from './log-warning.js'

/**
 * Options of the access log, which has one line for each request. Exactly one of `file`, `stream` and `logger` must be set.
 *
 * @throws ProxyError `PROXY_OPTION_INVALID` from `createProxy` if an option is wrong
 * @example
 * ```ts
 * const accessLog: AccessLogOptions = { file: '/var/log/switchover/access.log', format: 'json' }
 * const proxy = createProxy({ config, accessLog })
 * process.on('SIGUSR1', () => proxy.reopenLogs()) // after log rotation
 * ```
 */
export interface AccessLogOptions {
  /**
   * The path of the log file. Missing folders are created. `proxy.reopenLogs()` opens the file again after log rotation.
   *
   * @default undefined
   */
  readonly file?: string
  /**
   * A stream that the log lines are written to, such as `process.stdout`. While the stream buffers 16 MiB or more, further lines
   * are dropped.
   *
   * @default undefined
   */
  readonly stream?: Pick<Writable, 'write'> & Partial<Pick<Writable, 'on' | 'writable' | 'writableLength'>>
  /**
   * A logger of the application that embeds the proxy, with the interface of pino: `info(fields, message)`. The logger gets each
   * request as fields and not as a line, so `format` has no effect.
   *
   * @default undefined
   */
  readonly logger?: { info(fields: object, message: string): void }
  /**
   * The format of log lines. `common` is the Common Log Format with additional fields of Traefik. `json` writes one JSON object
   * on each line, with the field names of Traefik 1.7.
   *
   * @default 'common'
   */
  readonly format?: 'common' | 'json'
  /**
   * Filters that select the requests to log. Without filters every request is logged.
   *
   * @default undefined
   */
  readonly filters?: AccessLogFilters
  /**
   * How request and response headers are logged. This option needs `format: 'json'` or a `logger`. Without this option no header
   * is logged.
   *
   * @default undefined
   */
  readonly headers?: HeaderModes
}

type Write = (line: Line) => unknown

/**
 * Writes one line to the access log for each request that has ended. Field names and formats are those of Traefik 1.7's
 * `[accessLog]`.
 */
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

  /** Opens the log file, if the option `file` is set. @throws Error of Node if the file cannot be opened */
  async open(): Promise<void> {
    await this.#file?.open()
  }

  /**
   * Logs one request, unless the filters leave it out.
   *
   * @param endedAt the time when the request ended, as returned by `Date.now()`
   */
  readonly record = (request: EndedRequest, durationMs: number, endedAt = Date.now()): void => {
    const status = statusOf(request)
    this.#count += 1
    const { filters } = this.#options
    if (filters && !keeps(filters, status, request.tries.retries, durationMs)) return
    try {
      const headers = this.#headers?.(request)
      const answer = this.#write({ request, status, durationMs, count: this.#count, endedAt, headers })
      onRejected(answer, this.#failed)
    } catch (error) {
      this.#failed(error)
    }
  }

  /**
   * Emits a process warning after a failed write. The application supplies the logger or stream: either may throw, and the
   * promise of a logger may reject.
   */
  readonly #failed = (error: unknown): void => {
    this.#warning.tell(`cannot be written: ${asError(error).message}`)
  }

  /**
   * Opens the log file again after log rotation has moved it away. Never rejects. If opening fails, lines still go to the old
   * file.
   */
  async reopen(): Promise<void> {
    await this.#file?.reopen()
  }

  /** Writes the lines that are still buffered, then closes the file. */
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

/**
 * Bytes that a log stream may buffer before lines are dropped. Without a limit, a slow reader of the stream could use up all
 * memory.
 */
const MAX_UNWRITTEN = 16 * 1024 * 1024
