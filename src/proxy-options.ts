import type { EngineOptions } from './engine/engine-options.js'
import type { ProviderConfig } from './model/config.js'
import { ProxyError } from './model/errors.js'
import type { Provider } from './model/provider.js'
import { onlyKnownOptions, positiveOption } from './rules/known-options.js'

/** Options of `createProxy`. Unknown ones are refused. */
export interface ProxyOptions extends EngineOptions {
  /** Where configuration comes from; all of them are merged. Their names must differ. */
  readonly providers?: readonly Provider[]
  /** Short for one `StaticProvider`. Checked at once: an invalid one makes `createProxy` throw. */
  readonly config?: ProviderConfig
  /** Closes the proxy when aborted. */
  readonly signal?: AbortSignal
}

const KNOWN: Readonly<Record<keyof Required<ProxyOptions>, true>> = {
  providers: true,
  config: true,
  trustedProxies: true,
  matchers: true,
  balancers: true,
  unsupportedFields: true,
  timeouts: true,
  retry: true,
  signal: true,
}

const KNOWN_TIMEOUTS = ['connectMs', 'responseHeadMs', 'bodyIdleMs'] as const

/**
 * Checks what types cannot: callers in plain JavaScript, and numbers out of range.
 *
 * @throws ProxyError `PROXY_OPTION_INVALID` that names the option, what was found and what was expected
 */
export function checkOptions(options: ProxyOptions): void {
  onlyKnownOptions(options, Object.keys(KNOWN), '')
  if (options.config === undefined && (options.providers?.length ?? 0) === 0) {
    throw invalid('expected providers with at least one, or config')
  }
  const { timeouts = {}, retry = {}, unsupportedFields = 'refuse', trustedProxies = [] } = options
  if (!Array.isArray(trustedProxies)) throw invalid('trustedProxies: expected a list of addresses and ranges')
  onlyKnownOptions(timeouts, KNOWN_TIMEOUTS, 'timeouts.')
  for (const [name, value] of Object.entries(timeouts)) positiveOption(value, `timeouts.${name}`)
  onlyKnownOptions(retry, ['attempts'], 'retry.')
  const { attempts = 1 } = retry
  if (!(Number.isSafeInteger(attempts) && attempts >= 1)) {
    throw invalid(`retry.attempts: expected a whole number of 1 or more, found ${attempts}`)
  }
  if (unsupportedFields !== 'refuse' && unsupportedFields !== 'warn') {
    throw invalid(
      `unsupportedFields: expected "refuse" or "warn", found ${JSON.stringify(unsupportedFields)}`,
    )
  }
}

function invalid(message: string): ProxyError {
  return new ProxyError('PROXY_OPTION_INVALID', message)
}
