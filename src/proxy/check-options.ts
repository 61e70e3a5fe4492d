import { onlyKnownOptions } from '../base/known-options.js'
import { describeValue } from '../base/messages.js'
import { checkStickySecret } from '../engine/backends/sticky-sessions.js'
import type { RetryOptions } from '../engine/engine-options.js'
import { checkUpstreamTls, type UpstreamTls } from '../engine/upstream/upstream-tls.js'
import { checkEntryPoints } from '../entry-points/entry-point-options.js'
import { limitOption } from '../entry-points/limit-option.js'
import { ProxyError } from '../model/errors.js'
import { DEFAULT_LIMITS, DEFAULT_TIMEOUTS } from '../model/limits.js'
import type { ConfigCache, Provider } from '../model/provider.js'
import { LOG_LEVELS, type LogLevel } from '../status/log-levels.js'
import { checkAccessLogOptions, checkLogger } from '../status/log-options.js'
import { checkStatusOptions } from '../status/status-options.js'
import { frontendSchema } from '../validation/own-middlewares.js'
import { checkUnsupportedFields } from '../validation/unsupported-fields.js'
import type { ProxyOptions } from './proxy-options.js'

/**
 * For each option, a description of its expected value and a function that checks a value. Callers in JavaScript have no types.
 */
const OPTIONS: Readonly<
  Record<keyof Required<ProxyOptions>, readonly [string, (value: unknown) => boolean]>
> = {
  providers: ['a list of providers, each with a name, start and stop', isListOf(isProvider)],
  config: ['a document', isObject],
  documentFilter: ['a function', isFunction],
  trustedProxies: ['a list of addresses and ranges', isListOf(isAnything)],
  entryPoints: ['an object of entry points, by their names', isAnything],
  forwardedHeader: ['true or false', (value) => typeof value === 'boolean'],
  matchers: ['an object of functions', isFunctionTable],
  strategies: ['an object of functions', isFunctionTable],
  middlewares: ['a list of kinds of middleware', isListOf(isAnything)],
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

/**
 * Where each option of `timeouts`, `limits`, `retry` and `close` belongs, by option name. If a caller puts an option elsewhere,
 * such as `lingerMs` into `timeouts`, the error message says where it belongs.
 */
const PLACES: Readonly<Record<string, string>> = {
  ...Object.fromEntries(Object.keys(DEFAULT_TIMEOUTS).map((name) => [name, `timeouts.${name}`])),
  ...Object.fromEntries(LIMITS.map((name) => [name, `limits.${name}`])),
  ...Object.fromEntries(RETRY.map((name) => [name, `retry.${name}`])),
  acceptMs: 'close({ acceptMs })',
  drainMs: 'close({ drainMs })',
}

const UPSTREAM_TLS = ['ca', 'cert', 'key', 'insecureSkipVerify'] as const

/**
 * Throws if an option is unknown or has a wrong value. Callers in plain JavaScript have no types, and types do not limit numbers.
 *
 * @throws ProxyError `PROXY_OPTION_INVALID` that names the option, the value found and the value expected
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
    throw invalid('expected at least one provider in the option providers, or the option config')
  frontendSchema(options.middlewares)
  if (options.unsupportedFields !== undefined) checkUnsupportedFields(options.unsupportedFields)
  checkTimesAndLimits(options)
  onlyKnownOptions(upstreamTls, UPSTREAM_TLS, 'upstreamTls.')
  checkCertificates(upstreamTls)
  checkRetry(retry)
  // Refuse `stickySecret: undefined`, which `process.env.SECRET` gives if the variable is not set. Without a secret, clients
  // could forge sticky cookies.
  if ('stickySecret' in options) checkStickySecret(options.stickySecret)
  if (options.status) checkStatusOptions(options.status)
  if (options.entryPoints !== undefined) checkEntryPoints(options.entryPoints, options)
  if (options.accessLog) checkAccessLogOptions(options.accessLog)
  checkLogger(options.logger, ['debug', 'info', 'warn', 'error'], 'logger')
}

/**
 * Throws if an option is unknown, or if `timeouts` or `limits` has a wrong value. The values of other options are not checked.
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
    throw invalid(
      `limits.upstreamNetworks: expected a list of addresses and ranges, found ${describeValue(upstreamNetworks)}`,
    )
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

/** Throws if Node cannot use the certificates or the key. Without this check, the first request to a server would fail. */
function checkCertificates(tls: UpstreamTls): void {
  try {
    checkUpstreamTls(tls)
  } catch (error) {
    const message = `upstreamTls: expected PEM texts, of a certificate and its key: ${(error as Error).message}`
    throw new ProxyError('PROXY_OPTION_INVALID', message, { cause: error })
  }
}

/** Accepts any value, for options that another function checks in detail. */
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
