import { ProxyError } from '../model/errors.js'
import type { Provider } from '../model/provider.js'

/**
 * Checks that each provider has a valid name that no other provider has.
 *
 * @throws ProxyError `PROXY_OPTION_INVALID` if a name is empty, contains `@`, or belongs to two providers
 */
export function checkProviderNames(providers: readonly Provider[]): void {
  const seen = new Set<string>()
  for (const { name } of providers) {
    if (typeof name !== 'string' || name === '' || name.includes('@')) {
      const message = `expected a provider's name without "@", found ${JSON.stringify(name)}`
      throw new ProxyError('PROXY_OPTION_INVALID', message)
    }
    if (seen.has(name)) {
      const message = `two providers are named ${JSON.stringify(name)}; give one of them another name`
      throw new ProxyError('PROXY_OPTION_INVALID', message)
    }
    seen.add(name)
  }
}
