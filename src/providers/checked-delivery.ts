import type { ProviderConfig } from '../model/config.js'
import { droppedGuardsIn } from '../model/dropped-guards.js'
import { configInvalid, type Issue } from '../model/errors.js'
import type { Provider } from '../model/provider.js'
import { withDroppedGuards } from '../validation/keep-dropped-guards.js'
import { validateConfigSteps } from '../validation/validate-config.js'
import type { ValidateOptions } from '../validation/validate-options.js'
import type { DocumentFilter } from './document-filter.js'

/** What the supervisor needs to know to check documents. */
export interface DeliveryOptions extends ValidateOptions {
  /**
   * Changes each delivered document before it is validated.
   *
   * @default none
   */
  readonly documentFilter?: DocumentFilter
}

/** A delivered document that was found valid. */
export interface CheckedDelivery {
  readonly config: ProviderConfig
  readonly warnings: readonly Issue[]
  /** Paths of guards (fields that keep requests out) that were left out. */
  readonly droppedGuards: readonly string[]
  /** The document to keep for a later start. */
  readonly kept: ProviderConfig
  /** The document as it was delivered, if `config` does not show it. Digests are computed from it. */
  readonly delivered: unknown
}

/**
 * Validates a delivered document.
 *
 * @param document the document as it was delivered
 * @param filtered the same document after the filter
 * @throws ProxyError `PROXY_CONFIG_INVALID` with every issue
 */
export function* checkedDelivery(
  document: unknown,
  filtered: unknown,
  provider: Provider,
  options: DeliveryOptions,
): Generator<void, CheckedDelivery> {
  const checked = yield* validateConfigSteps(filtered, options)
  if (!checked.ok) throw configInvalid(checked.issues)
  const { config, warnings } = checked
  if (!provider.allowEmpty && Object.keys(config.frontends).length === 0) throw configInvalid([NO_FRONTENDS])
  const droppedGuards = droppedGuardsIn(warnings)
  const isFiltered = options.documentFilter !== undefined
  // What a filter adds may be secret, and it is added again after a restart. So the document before the filter is kept.
  const original = isFiltered ? (document as ProviderConfig) : config
  return {
    config,
    warnings,
    droppedGuards,
    kept: yield* withDroppedGuards(original, droppedGuards, document),
    delivered:
      isFiltered || warnings.length > 0 || namesProvider(config, provider.name) ? document : undefined,
  }
}

/** Returns whether a frontend writes the provider's own name into the name of its backend. A live frontend does not show that. */
function namesProvider({ frontends }: ProviderConfig, provider: string): boolean {
  const ending = `@${provider}`
  for (const name in frontends) if (frontends[name]?.backend.endsWith(ending)) return true
  return false
}

const NO_FRONTENDS: Issue = {
  path: 'frontends',
  code: 'EMPTY',
  message: 'the document has no frontends; expected at least one, or allowEmpty on its provider',
}
