import { onlyKnownOptions, positiveOption } from '../base/known-options.js'
import { describeValue } from '../base/messages.js'
import { checkStickySecret } from '../engine/backends/sticky-sessions.js'
import type { EngineOptions, RetryOptions } from '../engine/engine-options.js'
import { checkUpstreamTls, type UpstreamTls } from '../engine/upstream/upstream-tls.js'
import type { ProviderConfig } from '../model/config.js'
import { ProxyError } from '../model/errors.js'
import { DEFAULT_LIMITS, DEFAULT_TIMEOUTS } from '../model/limits.js'
import type { ConfigCache, Provider } from '../model/provider.js'
import type { AccessLogOptions } from '../status/access-log.js'
import { LOG_LEVELS, type Logger, type LogLevel } from '../status/log-levels.js'
import { checkAccessLogOptions, checkLogger } from '../status/log-options.js'
import { checkStatusOptions, type StatusOptions } from '../status/status-options.js'
import { checkUnsupportedFields } from '../validation/unsupported-fields.js'

/** Options of `createProxy`. Unknown ones are refused. */
export interface ProxyOptions extends EngineOptions {
  /** Where configuration comes from; all of them are merged. Their names must differ. */
  readonly providers?: readonly Provider[]
  /** Short for one `StaticProvider`. Checked at once: an invalid one makes `createProxy` throw. */
  readonly config?: ProviderConfig
  /**
   * A file in which each provider's last good configuration is kept, and from which a start is served while a source is
   * down; or a cache of the host's own. Default: nothing is kept.
   */
  readonly lastGood?: string | ConfigCache
  /** A status server: JSON, metrics, events, a dashboard. Default: none; `{}` is one without a listener of its own. */
  readonly status?: StatusOptions
  /** A line for each request. Default: none. */
  readonly accessLog?: AccessLogOptions
  /** From which level on switches, refusals and outages are logged. Default: `info` with a `logger`, else `off`. */
  readonly logLevel?: LogLevel
  /** The host's own logger, of pino's form, in place of the standard error stream. */
  readonly logger?: Logger
  /** Closes the proxy when aborted. */
  readonly signal?: AbortSignal
}

/** Each option with what it must be, in words and as a test. Types say the same to those who use them. */
const OPTIONS: Readonly<
  Record<keyof Required<ProxyOptions>, readonly [string, (value: unknown) => boolean]>
> = {
  providers: ['a list of providers, each with a name, start and stop', isListOf(isProvider)],
  config: ['a document', isObject],
  trustedProxies: ['a list of addresses and ranges', isListOf(isAnything)],
  entryPoints: ['an object of entry points, each with trustedProxies', isObject],
  forwardedHeader: ['true or false', (value) => typeof value === 'boolean'],
  matchers: ['an object of functions', isFunctionTable],
  strategies: ['an object of functions', isFunctionTable],
  keepTrailingSlash: ['true or false', (value) => typeof value === 'boolean'],
  unsupportedFields: ['"refuse" or "warn", or { warn: [paths] }', isAnything],
  underscoreHeaders: [
    '"drop", "refuse" or "keep"',
    (value) => ['drop', 'refuse', 'keep'].includes(value as string),
  ],
  timeouts: ['an object of milliseconds', isObject],
  limits: ['an object of numbers, and upstreamNetworks', isObject],
  retry: ['an object with attempts and budget', isObject],
  upstreamTls: ['an object with ca, cert, key, insecureSkipVerify', isObject],
  lookup: ['a function', isFunction],
  stickySecret: ['a text or a list of texts', () => true],
  upgradeProtocols: ['a list of protocol names', isListOf((value) => typeof value === 'string')],
  onListenerError: ['"warn" or "throw"', (value) => value === 'warn' || value === 'throw'],
  onRequest: ['a function', isFunction],
  onResponse: ['a function', isFunction],
  lastGood: ['the path of a file, or a cache with load and save', isCache],
  status: ['an object with address, token, unreadyWhileStale, metrics', isObject],
  accessLog: ['an object with one of file, stream and logger', isObject],
  logLevel: [`one of ${LOG_LEVELS.join(', ')}`, (value) => LOG_LEVELS.includes(value as LogLevel)],
  logger: ['a logger', isObject],
  signal: ['an AbortSignal', (value) => value instanceof AbortSignal],
}

const LIMITS = [...Object.keys(DEFAULT_LIMITS), 'upstreamNetworks']
const RETRY = ['attempts', 'budget']

/** Names that stand in one table alone, and where: some times are limits, and two belong to a call. */
const PLACES: Readonly<Record<string, string>> = {
  ...Object.fromEntries(Object.keys(DEFAULT_TIMEOUTS).map((name) => [name, `timeouts.${name}`])),
  ...Object.fromEntries(LIMITS.map((name) => [name, `limits.${name}`])),
  ...Object.fromEntries(RETRY.map((name) => [name, `retry.${name}`])),
  acceptMs: 'close({ acceptMs })',
  drainMs: 'close({ drainMs })',
}

const UPSTREAM_TLS = ['ca', 'cert', 'key', 'insecureSkipVerify'] as const

/**
 * Checks what types cannot: callers in plain JavaScript, and numbers out of range.
 *
 * @throws ProxyError `PROXY_OPTION_INVALID` that names the option, what was found and what was expected
 */
export function checkOptions(options: ProxyOptions): void {
  if (!isObject(options))
    throw invalid(`createProxy: expected an object of options, found ${String(options)}`)
  onlyKnownOptions(options, Object.keys(OPTIONS), '', PLACES)
  for (const [name, [expected, holds]] of Object.entries(OPTIONS)) {
    const value = options[name as keyof ProxyOptions]
    if (value !== undefined && !holds(value)) {
      throw invalid(`${name}: expected ${expected}, found ${describeValue(value)}`)
    }
  }
  const { config, providers = [], retry = {}, upstreamTls = {} } = options
  if (config === undefined && providers.length === 0)
    throw invalid('expected providers with at least one, or config')
  if (options.unsupportedFields !== undefined) checkUnsupportedFields(options.unsupportedFields)
  checkTimesAndLimits(options)
  onlyKnownOptions(upstreamTls, UPSTREAM_TLS, 'upstreamTls.')
  checkCertificates(upstreamTls)
  checkRetry(retry)
  // `stickySecret: process.env.SECRET` of a variable that is not set would make cookies that anybody can make.
  if ('stickySecret' in options) checkStickySecret(options.stickySecret)
  if (options.status) checkStatusOptions(options.status)
  if (options.accessLog) checkAccessLogOptions(options.accessLog)
  checkLogger(options.logger, ['debug', 'info', 'warn', 'error'], 'logger')
}

/**
 * The same for what limits clients alone, with or without the other options of `createProxy`.
 *
 * @throws ProxyError `PROXY_OPTION_INVALID`
 */
export function checkListenerLimits(options: Pick<ProxyOptions, 'timeouts' | 'limits'>): void {
  onlyKnownOptions(options, Object.keys(OPTIONS), '', PLACES)
  checkTimesAndLimits(options)
}

function checkTimesAndLimits({
  timeouts = {},
  limits = {},
}: Pick<ProxyOptions, 'timeouts' | 'limits'>): void {
  onlyKnownOptions(timeouts, Object.keys(DEFAULT_TIMEOUTS), 'timeouts.', PLACES)
  for (const [name, value] of Object.entries(timeouts)) limitOption(value, `timeouts.${name}`)
  onlyKnownOptions(limits, LIMITS, 'limits.', PLACES)
  const { upstreamNetworks = [], ...numbers } = limits
  for (const [name, value] of Object.entries(numbers)) limitOption(value, `limits.${name}`, name)
  if (!isListOf((value) => typeof value === 'string')(upstreamNetworks))
    throw invalid('limits.upstreamNetworks: expected a list of addresses and ranges')
}

/** Limits that count something: half a request is none. */
const COUNTS: readonly string[] = ['connectionsPerAddress', 'requestsInFlight', 'pipelined']

/** A number above 0, of a count a whole one; `Infinity` is no limit. */
function limitOption(value: unknown, path: string, name = ''): void {
  if (value === Number.POSITIVE_INFINITY) return
  const isPart = COUNTS.includes(name) && value !== undefined && !Number.isSafeInteger(value)
  if (!isPart) return positiveOption(value, path)
  const found = typeof value === 'number' ? value : describeValue(value)
  throw invalid(`${path}: expected a whole number of 1 or more, or Infinity, found ${found}`)
}

function checkRetry(retry: RetryOptions): void {
  onlyKnownOptions(retry, RETRY, 'retry.', PLACES)
  const { attempts = 1, budget = 0 } = retry
  if (!(Number.isSafeInteger(attempts) && attempts >= 1)) {
    throw invalid(`retry.attempts: expected a whole number of 1 or more, found ${String(attempts)}`)
  }
  if (!(budget >= 0 && budget <= 1)) {
    throw invalid(`retry.budget: expected a share from 0 to 1, found ${String(budget)}`)
  }
}

/** Now, not at the first request. */
function checkCertificates(tls: UpstreamTls): void {
  try {
    checkUpstreamTls(tls)
  } catch (error) {
    const message = `upstreamTls: expected PEM texts, of a certificate and its key: ${(error as Error).message}`
    throw new ProxyError('PROXY_OPTION_INVALID', message, { cause: error })
  }
}

/** Looked at closer below. */
function isAnything(): boolean {
  return true
}

function isFunction(value: unknown): boolean {
  return typeof value === 'function'
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isListOf(holds: (value: unknown) => boolean): (value: unknown) => boolean {
  return (value) => Array.isArray(value) && value.every(holds)
}

function isFunctionTable(value: unknown): boolean {
  return isObject(value) && Object.values(value as object).every((entry) => typeof entry === 'function')
}

function isProvider(value: unknown): boolean {
  const { start, stop } = (value ?? {}) as Partial<Provider>
  return typeof start === 'function' && typeof stop === 'function'
}

function isCache(value: unknown): boolean {
  const { load, save } = (value ?? {}) as Partial<ConfigCache>
  return (
    (typeof value === 'string' && value !== '') || (typeof load === 'function' && typeof save === 'function')
  )
}

function invalid(message: string): ProxyError {
  return new ProxyError('PROXY_OPTION_INVALID', message)
}
