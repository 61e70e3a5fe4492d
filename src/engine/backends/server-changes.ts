import type { Strategy } from '../../balancing/strategies.js'
import { onRejected } from '../../model/rejections.js'
import type { ProxyEmitter } from '../events/proxy-emitter.js'
import type { LiveServer } from './live-server.js'
import type { StateListener } from './server-state.js'

/** Passes on what changes at the servers of one live backend: to its strategy, its queue, and as events. */
export class ServerChanges {
  readonly #backend: string
  readonly #strategy: Strategy<LiveServer>
  readonly #events: ProxyEmitter
  readonly #onChange: () => void
  /** The listener registered for each server, by which `tell` sees whether a newer generation has taken over. */
  readonly #listeners = new Map<LiveServer, StateListener>()

  /** @param onChange a server may have room now */
  constructor(backend: string, strategy: Strategy<LiveServer>, events: ProxyEmitter, onChange: () => void) {
    this.#backend = backend
    this.#strategy = strategy
    this.#events = events
    this.#onChange = onChange
  }

  /** Takes over from the generation before: a server has one listener, of the newest backend that serves. */
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

  /** What is under way on a server has changed: for the newest that has it, and for this one. */
  tell(server: LiveServer): void {
    const { listener } = server.state
    listener?.changed()
    if (!listener || listener !== this.#listeners.get(server)) this.#tellStrategy(server)
  }

  /** A balancer of the host's that throws here must not keep a request from its end: its server would count it for ever. */
  #tellStrategy(server: LiveServer): void {
    if (!this.#strategy.changed) return
    try {
      onRejected(this.#strategy.changed(server), this.#changedFailed)
    } catch (thrown) {
      this.#changedFailed(thrown)
    }
  }

  readonly #changedFailed = (thrown: unknown): void => {
    this.#events.failures.tell(this, `changed of the balancer of ${this.#backend}`, thrown)
  }
}
