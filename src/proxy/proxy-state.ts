import type { ShutdownStep } from '../model/events.js'
import type { ProviderState } from '../providers/supervised-provider.js'

/** The number of the live configuration, and the state of each provider. */
export interface ProxyState {
  /** The number of the live configuration. It grows by one with each new configuration. It is 0 while none is live yet. */
  readonly generation: number
  /** The state of each provider, in the order of the option `providers`. */
  readonly providers: readonly ProviderState[]
  /** The current step of the shutdown. The property is absent before `close` is called. */
  readonly shutdown?: ShutdownStep
}
