import type { ProviderConfig } from '../model/config.js'
import { droppedGuardsIn } from '../model/dropped-guards.js'
import { configInvalid, type Issue } from '../model/errors.js'
import type { Provider } from '../model/provider.js'
import type { DocumentOptions } from '../validation/document-filter.js'
import { plainCopy } from '../validation/plain-copy.js'
import { validateConfigSteps } from '../validation/validate-config.js'

/** A delivered document that was found valid. */
export interface CheckedDelivery {
  readonly config: ProviderConfig
  readonly warnings: readonly Issue[]
  /** Paths of guards (fields that keep requests out) that were left out. */
  readonly droppedGuards: readonly string[]
  /**
   * A copy of the document as it was delivered, if `config` does not show it. Digests are computed from it. What a filter added is
   * not in it: that may be secret, and it is added again after a restart.
   */
  readonly delivered: unknown
  /** The document to keep for a later start: `delivered`, or else `config`. */
  readonly kept: ProviderConfig
}

/**
 * Validates a delivered document.
 *
 * @param document the document as it was delivered
 * @param filtered the same document after the filter
 * @throws ProxyError `PROXY_CONFIG_INVALID` with every issue. It also refuses a document that is not plain data, if fields
 *   were left out of it. A guard among them might be lost in the copy for a later start.
 */
export function* checkedDelivery(
  document: unknown,
  filtered: unknown,
  provider: Provider,
  options: DocumentOptions,
): Generator<void, CheckedDelivery> {
  const checked = yield* validateConfigSteps(filtered, options)
  if (!checked.ok) throw configInvalid(checked.issues)
  const { config, warnings } = checked
  if (!provider.allowEmpty && Object.keys(config.frontends).length === 0) throw configInvalid([NO_FRONTENDS])
  const droppedGuards = droppedGuardsIn(warnings)
  const isChanged = options.documentFilter !== undefined || warnings.length > 0
  // The copy cannot change with the provider's object. It has what a filter changed, and guards that were left out.
  const delivered = isChanged || namesProvider(config, provider.name) ? yield* plainCopy(document) : undefined
  return { config, warnings, droppedGuards, delivered, kept: (delivered ?? config) as ProviderConfig }
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
