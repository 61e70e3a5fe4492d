import { EventEmitter } from 'eventemitter3'
import { describeValue } from '../../base/messages.js'
import { ProxyError } from '../../model/errors.js'
import type { ProxyEvents } from '../../model/events.js'
import { onRejected } from '../../model/rejections.js'
import { ListenerFailures, type OnListenerError } from './listener-failures.js'

type Listener = EventEmitter.ListenerFn
type EventName = keyof ProxyEvents
type ListenerOf<E extends EventName> = EventEmitter.EventListener<ProxyEvents, E>

/**
 * Emits a proxy's events. If a listener throws or its promise rejects, the other listeners and the
 * emitting code still run. A process warning reports the error. With `onListenerError: 'throw'`,
 * the error is thrown on the next tick, and the host's policy for uncaught exceptions decides.
 */
export class ProxyEmitter extends EventEmitter<ProxyEvents> {
  /** For the proxy's own use: reports failures of all functions of the host. */
  readonly failures: ListenerFailures
  readonly #contained = new WeakMap<Listener, Listener>()
  /** Name of the event that is being emitted. */
  #event = ''

  constructor(onListenerError?: OnListenerError) {
    super()
    this.failures = new ListenerFailures(onListenerError)
  }

  /** Calls the listeners of an event. Returns whether there were any. */
  override emit<E extends EventName>(event: E, ...args: EventEmitter.EventArgs<ProxyEvents, E>): boolean {
    // A listener may emit another event. The outer event is restored afterwards.
    const outer = this.#event
    this.#event = event
    try {
      return super.emit(event, ...args)
    } finally {
      this.#event = outer
    }
  }

  /**
   * Adds a listener of an event.
   *
   * @throws ProxyError `PROXY_OPTION_INVALID` if the listener is not a function
   * @example
   * ```ts
   * proxy.on('requestFailed', ({ error }) => console.error(error.code, error.message))
   * ```
   */
  override on<E extends EventName>(event: E, listener: ListenerOf<E>, context?: unknown): this {
    checkListener(event, listener)
    return super.on(event, this.#contain(listener), context)
  }

  /**
   * Adds a listener that is called once.
   *
   * @throws ProxyError `PROXY_OPTION_INVALID` if the listener is not a function
   */
  override once<E extends EventName>(event: E, listener: ListenerOf<E>, context?: unknown): this {
    checkListener(event, listener)
    return super.once(event, this.#contain(listener), context)
  }

  /** Removes a listener of an event, or all of its listeners if none is given. */
  override off<E extends EventName>(
    event: E,
    listener?: ListenerOf<E>,
    context?: unknown,
    once?: boolean,
  ): this {
    return super.off(event, listener && this.#contain(listener), context, once)
  }

  /** Does the same as `on`. */
  override addListener<E extends EventName>(event: E, listener: ListenerOf<E>, context?: unknown): this {
    return this.on(event, listener, context)
  }

  /** Does the same as `off`. */
  override removeListener<E extends EventName>(
    event: E,
    listener?: ListenerOf<E>,
    context?: unknown,
    once?: boolean,
  ): this {
    return this.off(event, listener, context, once)
  }

  // Each listener has one wrapper for all events, so that `off` finds what `on` has added.
  #contain<L extends Listener>(listener: L): L {
    // `off` does not check its argument, which may be anything.
    if (typeof listener !== 'function') return listener
    let contained = this.#contained.get(listener)
    if (!contained) {
      const { failures } = this
      const eventNow = () => this.#event
      contained = function (this: unknown, ...args) {
        const event = eventNow()
        const failed = (reason: unknown) => failures.tell(listener, `a listener of ${event}`, reason)
        try {
          onRejected(listener.apply(this, args), failed)
        } catch (thrown) {
          failed(thrown)
        }
      }
      this.#contained.set(listener, contained)
      // The emitter removes a `once` listener by its wrapper, so the wrapper must stand for itself.
      this.#contained.set(contained, contained)
    }
    return contained as L
  }
}

/**
 * Checks a listener, because callers in plain JavaScript may pass anything.
 *
 * @throws ProxyError `PROXY_OPTION_INVALID` if it is not a function
 */
function checkListener(event: string, listener: unknown): void {
  if (typeof listener === 'function') return
  const found = describeValue(listener)
  throw new ProxyError(
    'PROXY_OPTION_INVALID',
    `the listener of ${event}: expected a function, found ${found}`,
  )
}
