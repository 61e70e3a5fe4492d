import { EventEmitter } from 'eventemitter3'
import type { ProxyEvents } from '../model/events.js'

type Listener = EventEmitter.ListenerFn
type EventName = keyof ProxyEvents
type ListenerOf<E extends EventName> = EventEmitter.EventListener<ProxyEvents, E>

/**
 * The emitter of a proxy's events. A listener that throws harms nobody: the other listeners are told, whoever emitted
 * goes on, and the error is rethrown on the next tick, where the host's own policy for uncaught exceptions decides.
 */
export class ProxyEmitter extends EventEmitter<ProxyEvents> {
  readonly #contained = new WeakMap<Listener, Listener>()

  override on<E extends EventName>(event: E, listener: ListenerOf<E>, context?: unknown): this {
    return super.on(event, this.#contain(listener), context)
  }

  override once<E extends EventName>(event: E, listener: ListenerOf<E>, context?: unknown): this {
    return super.once(event, this.#contain(listener), context)
  }

  override off<E extends EventName>(
    event: E,
    listener?: ListenerOf<E>,
    context?: unknown,
    once?: boolean,
  ): this {
    return super.off(event, listener && this.#contain(listener), context, once)
  }

  override addListener<E extends EventName>(event: E, listener: ListenerOf<E>, context?: unknown): this {
    return this.on(event, listener, context)
  }

  override removeListener<E extends EventName>(
    event: E,
    listener?: ListenerOf<E>,
    context?: unknown,
    once?: boolean,
  ): this {
    return this.off(event, listener, context, once)
  }

  // One wrapper per listener, whatever it listens to, so that `off` finds what `on` put there.
  #contain<L extends Listener>(listener: L): L {
    let contained = this.#contained.get(listener)
    if (!contained) {
      contained = function (this: unknown, ...args) {
        try {
          listener.apply(this, args)
        } catch (error) {
          process.nextTick(() => {
            throw error
          })
        }
      }
      this.#contained.set(listener, contained)
      // The emitter itself takes a `once` listener off by what it was given.
      this.#contained.set(contained, contained)
    }
    return contained as L
  }
}
