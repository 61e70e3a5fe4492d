import type { EngineOptions } from './engine/engine-options.js'
import type { ProviderConfig } from './model/config.js'
import { ProxyError } from './model/errors.js'
import type { ConfigCache, Provider } from './model/provider.js'
import { describeValue } from './rules/document-shapes.js'
import { onlyKnownOptions, positiveOption } from './rules/known-options.js'

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
  readonly lastGoodFile?: string | ConfigCache
  /** Closes the proxy when aborted. */
  readonly signal?: AbortSignal
}

/** Each option with what it must be, in words and as a test. Types say the same to those who use them. */
const OPTIONS: Readonly<
  Record<keyof Required<ProxyOptions>, readonly [string, (value: unknown) => boolean]>
> = {
  providers: ['a list of providers, each with a name, start and stop', isListOf(isProvider)],
  config: ['a document', isObject],
  trustedProxies: ['a list of addresses and ranges', isListOf((value) => typeof value === 'string')],
  forwarded: ['true or false', (value) => typeof value === 'boolean'],
  matchers: ['an object of functions', isFunctionTable],
  balancers: ['an object of functions', isFunctionTable],
  unsupportedFields: ['"refuse" or "warn"', (value) => value === 'refuse' || value === 'warn'],
  timeouts: ['an object of milliseconds', isObject],
  retry: ['an object with attempts', isObject],
  lastGoodFile: ['the path of a file, or a cache with load and save', isCache],
  signal: ['an AbortSignal', (value) => value instanceof AbortSignal],
}

const TIMEOUTS = ['connectMs', 'responseHeadMs', 'bodyIdleMs'] as const

/**
 * Checks what types cannot: callers in plain JavaScript, and numbers out of range.
 *
 * @throws ProxyError `PROXY_OPTION_INVALID` that names the option, what was found and what was expected
 */
export function checkOptions(options: ProxyOptions): void {
  if (!isObject(options))
    throw invalid(`createProxy: expected an object of options, found ${String(options)}`)
  onlyKnownOptions(options, Object.keys(OPTIONS), '')
  for (const [name, [expected, holds]] of Object.entries(OPTIONS)) {
    const value = options[name as keyof ProxyOptions]
    if (value !== undefined && !holds(value)) {
      throw invalid(`${name}: expected ${expected}, found ${describeValue(value)}`)
    }
  }
  const { config, providers = [], timeouts = {}, retry = {} } = options
  if (config === undefined && providers.length === 0)
    throw invalid('expected providers with at least one, or config')
  onlyKnownOptions(timeouts, TIMEOUTS, 'timeouts.')
  for (const [name, value] of Object.entries(timeouts)) positiveOption(value, `timeouts.${name}`)
  onlyKnownOptions(retry, ['attempts'], 'retry.')
  const { attempts = 1 } = retry
  if (!(Number.isSafeInteger(attempts) && attempts >= 1)) {
    throw invalid(`retry.attempts: expected a whole number of 1 or more, found ${String(attempts)}`)
  }
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
