import type { DataPlane } from '../engine/data-plane.js'
import type { RequestExplanation } from '../engine/snapshot.js'
import type { ShutdownStep } from '../model/events.js'
import type { RequestFacts } from '../model/request-facts.js'
import type { ProviderState } from '../providers/supervised-provider.js'

/** The parts of a running proxy that the status server reads and shows. */
export interface StatusSource {
  readonly engine: DataPlane
  /** Returns the state of each provider, such as its live version. */
  providers(): readonly ProviderState[]
  /** Explains which frontend a request would match, and why. @throws ProxyError `PROXY_NOT_READY`, `PROXY_OPTION_INVALID` */
  explain(
    request: Pick<RequestFacts, 'host' | 'path' | 'clientAddress'> & Partial<RequestFacts>,
  ): RequestExplanation
  /** Returns the current step of the shutdown, or undefined before the shutdown begins. */
  shutdown(): ShutdownStep | undefined
}
