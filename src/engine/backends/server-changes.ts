import type { Strategy } from '../../balancing/strategies.js'
import { onRejected } from '../../model/rejections.js'
import { failuresOf, type ProxyEmitter } from '../events/proxy-emitter.js'
import type { LiveServer } from './live-server.js'
import type { StateListener } from './server-state.js'

/** Passes on the changes of a live backend's servers: to its strategy, to its queue, and as events. */
export class ServerChanges {
  readonly #backend: string
  readonly #strategy: Strategy<LiveServer>
  readonly #events: ProxyEmitter
  readonly #onChange: () => void
  /** The listener that this backend registered for each server. `tell` compares it to see whether a newer generation listens. */
  readonly #listeners = new Map<LiveServer, StateListener>()

  /** @param onChange called when a server may have room for a request */
  constructor(backend: string, strategy: Strategy<LiveServer>, events: ProxyEmitter, onChange: () => void) {
    this.#backend = backend
    this.#strategy = strategy
    this.#events = events
    this.#onChange = onChange
  }

  /** Registers this backend as the only listener of a server, in place of the generation before. */
  listen(server: LiveServer): void {
    const { state, name } = server
    const backend = this.#backend
    const listener = {
      changed: () => this.#changed(server),
      wentOut: (reason: string) => this.#events.emit('serverDown', { backend, server: name, reason }),
      cameBack: (reason: string) => this.#events.emit('serverUp', { backend, server: name, reason }),
    }
    state.listener = listener
    this.#listeners.set(server, listener)
  }

  #changed(server: LiveServer): void {
    this.#tellStrategy(server)
    this.#onChange()
  }

  /** Tells the newest generation, and the strategy of this one, that the number of requests under way on a server has changed. */
  tell(server: LiveServer): void {
    const { listener } = server.state
    listener?.changed()
    if (!listener || listener !== this.#listeners.get(server)) this.#tellStrategy(server)
  }

  /** Tells the strategy. If a host's strategy throws, the request must still end, or its server would count it forever. */
  #tellStrategy(server: LiveServer): void {
    if (!this.#strategy.changed) return
    try {
      onRejected(this.#strategy.changed(server), this.#changedFailed)
    } catch (thrown) {
      this.#changedFailed(thrown)
    }
  }

  readonly #changedFailed = (thrown: unknown): void => {
    failuresOf(this.#events).tell(this, `changed of the strategy of ${this.#backend}`, thrown)
  }
}
