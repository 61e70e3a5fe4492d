import { configInvalid } from '../model/errors.js'
import type { Provider } from '../model/provider.js'
import { StaticProvider } from '../providers/static-provider.js'
import { validateConfig } from '../validation/validate-config.js'
import type { ProxyOptions } from './proxy-options.js'

/**
 * Returns the providers that the options name. The option `config` becomes a `StaticProvider` before them.
 *
 * @throws ProxyError `PROXY_CONFIG_INVALID` with all issues if `config` is not a valid document
 */
export function providersOfOptions(options: ProxyOptions): readonly Provider[] {
  const { providers = [], config } = options
  if (config === undefined) return providers
  const checked = validateConfig(config, options)
  if (!checked.ok) {
    throw configInvalid(checked.issues)
  }
  return [new StaticProvider({ config }), ...providers]
}
