import type { Strategy } from '../../balancing/strategies.js'
import type { Backend } from '../../model/config.js'
import { entryMetadata } from '../../model/metadata.js'
import { onRejected } from '../../model/rejections.js'
import { failuresOf, type ProxyEmitter } from '../events/proxy-emitter.js'
import type { LiveServer } from './live-server.js'
import type { StateListener } from './server-state.js'

/** Reports changes of a live backend's servers to the backend's strategy and to its request queue, and as events of the proxy. */
export class ServerChanges {
  readonly #backend: { readonly name: string; readonly config: Backend }
  readonly #strategy: Strategy<LiveServer>
  readonly #events: ProxyEmitter
  readonly #onChange: () => void
  /**
   * The listener that this backend registered for each server. `tell` compares it with the server's present listener. If they
   * differ, a newer generation has replaced this one.
   */
  readonly #listeners = new Map<LiveServer, StateListener>()

  /** Creates the object, which listens to no server yet. @param onChange called when a server may have room for a request */
  constructor(
    backend: { readonly name: string; readonly config: Backend },
    strategy: Strategy<LiveServer>,
    events: ProxyEmitter,
    onChange: () => void,
  ) {
    this.#backend = backend
    this.#strategy = strategy
    this.#events = events
    this.#onChange = onChange
  }

  /** Registers this backend as the only listener of a server. It replaces the listener of the generation before. */
  listen(server: LiveServer): void {
    const listener = {
      changed: () => this.#changed(server),
      wentOut: (reason: string) => this.#emit('serverDown', server, reason),
      cameBack: (reason: string) => this.#emit('serverUp', server, reason),
    }
    server.state.listener = listener
    this.#listeners.set(server, listener)
  }

  #emit(event: 'serverDown' | 'serverUp', server: LiveServer, reason: string): void {
    const { name, config } = this.#backend
    const metadata = entryMetadata({ backend: config, server })
    this.#events.emit(event, { backend: name, server: server.name, reason, ...(metadata && { metadata }) })
  }

  #changed(server: LiveServer): void {
    this.#tellStrategy(server)
    this.#onChange()
  }

  /**
   * Reports that the number of requests under way on a server has changed. The listener of the newest generation hears of it, and
   * so does the strategy of this generation.
   */
  tell(server: LiveServer): void {
    const { listener } = server.state
    listener?.changed()
    if (!listener || listener !== this.#listeners.get(server)) this.#tellStrategy(server)
  }

  /**
   * Tells the strategy that a server has changed. If a strategy of the embedding application throws, the error is only reported.
   * Otherwise the request could not end, and its server would count it forever.
   */
  #tellStrategy(server: LiveServer): void {
    if (!this.#strategy.changed) return
    try {
      onRejected(this.#strategy.changed(server), this.#changedFailed)
    } catch (thrown) {
      this.#changedFailed(thrown)
    }
  }

  readonly #changedFailed = (thrown: unknown): void => {
    failuresOf(this.#events).tell(this, `changed of the strategy of ${this.#backend.name}`, thrown)
  }
}
