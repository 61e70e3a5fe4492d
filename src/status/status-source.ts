import type { DataPlane } from '../engine/data-plane.js'
import type { RequestExplanation } from '../engine/snapshot.js'
import type { ShutdownStep } from '../model/events.js'
import type { RequestFacts } from '../model/request-facts.js'
import type { ProviderState } from '../providers/supervised-provider.js'

/** The parts of a running proxy that the status server shows. */
export interface StatusSource {
  readonly engine: DataPlane
  /** Returns the state of each provider. */
  providers(): readonly ProviderState[]
  /** Explains which frontend a request would match. @throws ProxyError `PROXY_NOT_READY`, `PROXY_OPTION_INVALID` */
  explain(
    request: Pick<RequestFacts, 'host' | 'path' | 'clientAddress'> & Partial<RequestFacts>,
  ): RequestExplanation
  /** The current step of the shutdown. Undefined before the shutdown begins. */
  shutdown(): ShutdownStep | undefined
}
