import { runAtOnce } from '../base/run-steps.js'
import { configInvalid } from '../model/errors.js'
import type { Provider } from '../model/provider.js'
import { StaticProvider } from '../providers/static-provider.js'
import { filterSteps } from '../validation/document-filter.js'
import { validateConfig } from '../validation/validate-config.js'
import type { ProxyOptions } from './proxy-options.js'

/**
 * Returns the providers of the options `providers` and `config`. The document in `config` becomes a `StaticProvider`, the first
 * of the list.
 *
 * @throws ProxyError `PROXY_CONFIG_INVALID` with all issues if `config` is not a valid document
 */
export function providersOfOptions(options: ProxyOptions): readonly Provider[] {
  const { providers = [], config, documentFilter } = options
  if (config === undefined) return providers
  const filtered = documentFilter ? runAtOnce(filterSteps(config, 'static', documentFilter)) : config
  const checked = validateConfig(filtered, options)
  if (!checked.ok) {
    throw configInvalid(checked.issues)
  }
  return [new StaticProvider({ config }), ...providers]
}
