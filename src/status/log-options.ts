import { flagOption, onlyKnownOptions } from '../base/known-options.js'
import { describeValue } from '../base/messages.js'
import { ProxyError } from '../model/errors.js'
import type { AccessLogOptions } from './access-log.js'
import { isStatusRange } from './access-log-filters.js'

export const ACCESS_LOG_OPTIONS = ['file', 'stream', 'logger', 'format', 'filters', 'headers'] as const
const FILTERS = ['statusCodes', 'retryAttempts', 'minDurationMs'] as const
const MODES: readonly unknown[] = ['keep', 'redact', 'drop']

/**
 * Checks the options of the access log.
 *
 * @throws ProxyError `PROXY_OPTION_INVALID` that names the option, the value found and the value expected
 */
export function checkAccessLogOptions(options: AccessLogOptions): void {
  onlyKnownOptions(options, ACCESS_LOG_OPTIONS, 'accessLog.')
  const { file, stream, logger, format = 'common', filters = {}, headers = {} } = options
  const targets = [file, stream, logger].filter((target) => target !== undefined)
  if (targets.length !== 1) throw invalid('accessLog: expected exactly one of file, stream and logger')
  if (file !== undefined && (typeof file !== 'string' || file === ''))
    throw invalid(`accessLog.file: expected the path of a file, found ${describeValue(file)}`)
  if (stream !== undefined && typeof stream.write !== 'function')
    throw invalid(
      `accessLog.stream: expected a stream that can be written to, found ${describeValue(stream)}`,
    )
  checkLogger(logger, ['info'], 'accessLog.logger')
  if (format !== 'common' && format !== 'json')
    throw invalid(`accessLog.format: expected "common" or "json", found ${describeValue(format)}`)
  checkFilters(filters)
  onlyKnownOptions(headers, ['default', 'names'], 'accessLog.headers.')
  if (options.headers !== undefined && format === 'common' && !logger)
    throw invalid('accessLog.headers: the common format has no headers; choose format: "json"')
  const { default: standard = 'drop', names = {} } = headers
  for (const [name, mode] of [['default', standard], ...Object.entries(names)])
    if (!MODES.includes(mode))
      throw invalid(
        `accessLog.headers: ${name}: expected "keep", "redact" or "drop", found ${describeValue(mode)}`,
      )
}

/**
 * Checks that a logger has all of these methods.
 *
 * @param name the name of the option, for the error message
 * @throws ProxyError `PROXY_OPTION_INVALID`
 */
export function checkLogger(logger: unknown, methods: readonly string[], name: string): void {
  if (logger === undefined) return
  const missing = methods.find(
    (method) => typeof (logger as Record<string, unknown> | null)?.[method] !== 'function',
  )
  if (missing !== undefined)
    throw invalid(
      `${name}: expected a logger with ${methods.join(', ')}, such as one of pino; ${missing} is missing`,
    )
}

function checkFilters(filters: NonNullable<AccessLogOptions['filters']>): void {
  onlyKnownOptions(filters, FILTERS, 'accessLog.filters.')
  const { statusCodes = [], retryAttempts = false, minDurationMs = 0 } = filters
  const wrong = Array.isArray(statusCodes) ? statusCodes.find((range) => !isStatusRange(range)) : statusCodes
  if (wrong !== undefined || filters.statusCodes?.length === 0) {
    const expected = 'expected at least one status or range such as "404" or "500-599"'
    throw invalid(
      `accessLog.filters.statusCodes: ${expected}${wrong === undefined ? '' : `, found ${describeValue(wrong)}`}`,
    )
  }
  flagOption(retryAttempts, 'accessLog.filters.retryAttempts')
  if (!(typeof minDurationMs === 'number' && minDurationMs >= 0))
    throw invalid(
      `accessLog.filters.minDurationMs: expected milliseconds, 0 or more, found ${describeValue(minDurationMs)}`,
    )
}

function invalid(message: string): ProxyError {
  return new ProxyError('PROXY_OPTION_INVALID', message)
}
