import { quote } from '../base/messages.js'
import { present } from '../base/records.js'
import type { ProxyOptions } from '../proxy/proxy-options.js'
import { isStatusRange } from '../status/access-log-filters.js'
import type { LogLevel } from '../status/log-levels.js'
import type { Bag } from './bags.js'
import type { EntryPoints } from './entry-points.js'
import type { Settings } from './settings.js'

/**
 * Maps the names of Traefik's log levels to the proxy's log levels. Traefik exits after a message of level `fatal` or `panic`.
 * The proxy never does, so both names mean `error`.
 */
const LEVELS: Readonly<Record<string, LogLevel>> = {
  debug: 'debug',
  info: 'info',
  warn: 'warn',
  warning: 'warn',
  error: 'error',
  fatal: 'error',
  panic: 'error',
  off: 'off',
}

/**
 * Builds the options of `createProxy` from the static configuration, except for `providers` and `logger`.
 *
 * @param bag the options that come directly from configuration keys
 */
export function proxyOptionsOf(bag: Bag, entryPoints: EntryPoints, settings: Settings): ProxyOptions {
  const { status, accessLog, retry, logLevel: _level, trustedProxies: _trusted, ...rest } = bag
  const log = accessLogOf((accessLog ?? {}) as Bag, settings)
  return {
    ...(rest as ProxyOptions),
    logLevel: logLevelOf(settings),
    ...(entryPoints.trustedProxies && { trustedProxies: entryPoints.trustedProxies }),
    entryPoints: entryPoints.options,
    ...(entryPoints.status.isOn && {
      status: { ...(status as object), ...present({ address: entryPoints.status.address }) },
    }),
    ...(log && { accessLog: log }),
    ...retryOf((retry ?? {}) as Bag),
  }
}

function logLevelOf(settings: Settings): LogLevel {
  if (settings.get<boolean>('debug')) return 'debug'
  const given = settings.getOrDefault<string>('logLevel')
  const name = given.toLowerCase()
  const level = Object.hasOwn(LEVELS, name) ? LEVELS[name] : undefined
  if (level !== undefined) return level
  const expected = `expected one of ${Object.keys(LEVELS).join(', ').toUpperCase()}`
  settings.issue('logLevel', 'INVALID_VALUE', `${expected}, found ${quote(given)}`)
  return 'info'
}

/**
 * Returns the option `retry` if the configuration sets a number of attempts. In Traefik, `attempts = 0` means the default number,
 * so 0 leaves the option out.
 */
function retryOf({ attempts }: Bag): Pick<ProxyOptions, 'retry'> {
  return typeof attempts === 'number' && attempts > 0 ? { retry: { attempts } } : {}
}

function accessLogOf(bag: Bag, settings: Settings): ProxyOptions['accessLog'] {
  if (!settings.has('accessLog') && !settings.has('accessLogsFile')) return undefined
  const { format: _format, headers, filters, ...rest } = bag
  const format = settings.getOrDefault<string>('accessLog.format')
  if (format !== 'common' && format !== 'json') {
    const message = `expected "common" or "json", found ${quote(format)}`
    settings.issue('accessLog.format', 'INVALID_VALUE', message)
  }
  checkFilters((filters ?? {}) as Bag, settings)
  checkHeaderModes((headers ?? {}) as Bag, settings)
  const isJson = format === 'json'
  if (headers && !isJson)
    settings.warn('accessLog.fields.headers', 'is ignored: the common format has no headers; choose "json"')
  const target = 'file' in rest ? {} : { stream: process.stdout }
  const options = { ...rest, ...target, format, ...(filters !== undefined && { filters }) }
  return { ...options, ...(isJson && headers !== undefined && { headers }) } as ProxyOptions['accessLog']
}

function checkFilters({ statusCodes }: Bag, settings: Settings): void {
  if (!Array.isArray(statusCodes)) return
  const wrong = statusCodes.find((range) => !isStatusRange(range))
  if (statusCodes.length > 0 && wrong === undefined) return
  const found = wrong === undefined ? 'none' : quote(String(wrong))
  const message = `expected statuses and ranges such as "404" and "500-599", found ${found}`
  settings.issue('accessLog.filters.statusCodes', 'INVALID_VALUE', message)
}

const MODES: readonly unknown[] = ['keep', 'redact', 'drop']

function checkHeaderModes({ names = {} }: Bag, settings: Settings): void {
  const standard = settings.getOrDefault('accessLog.fields.headers.defaultMode')
  for (const [name, mode] of [['defaultMode', standard], ...Object.entries(names as Bag)]) {
    if (MODES.includes(mode)) continue
    const message = `${name}: expected "keep", "redact" or "drop", found ${quote(String(mode))}`
    settings.issue('accessLog.fields.headers', 'INVALID_VALUE', message)
  }
}
