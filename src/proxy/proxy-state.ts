import type { ShutdownStep } from '../model/events.js'
import type { ProviderState } from '../providers/supervised-provider.js'

/** What a proxy serves, and the state of each of its providers. */
export interface ProxyState {
  /** The number of the configuration that serves. It grows by one with each switch. 0: no configuration is live yet. */
  readonly generation: number
  /** The state of each provider, in the order of the option `providers`. */
  readonly providers: readonly ProviderState[]
  /** The step of the shutdown. Absent before `close`. */
  readonly shutdown?: ShutdownStep
}
