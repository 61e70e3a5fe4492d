import type { DataPlane } from '../engine/data-plane.js'
import type { RequestExplanation } from '../engine/snapshot.js'
import type { ShutdownStep } from '../model/events.js'
import type { RequestFacts } from '../model/request-facts.js'
import type { ProviderState } from '../providers/supervised-provider.js'

/** What of a running proxy can be seen from outside. */
export interface StatusSource {
  readonly engine: DataPlane
  /** How each provider stands. */
  providers(): readonly ProviderState[]
  /** @throws ProxyError `PROXY_NOT_READY`, `PROXY_OPTION_INVALID` */
  explain(
    request: Pick<RequestFacts, 'host' | 'path' | 'clientAddress'> & Partial<RequestFacts>,
  ): RequestExplanation
  /** The step of its shutdown; undefined before that. */
  shutdown(): ShutdownStep | undefined
}
