import { EventEmitter } from 'eventemitter3'
import { describeValue } from '../../base/messages.js'
import { ProxyError } from '../../model/errors.js'
import type { ProxyEvents } from '../../model/events.js'
import { onRejected } from '../../model/rejections.js'
import { ListenerFailures, type OnListenerError } from './listener-failures.js'

type Listener = EventEmitter.ListenerFn

/**
 * The object that reports listener errors, by emitter. A member of the emitter would be visible to applications, because
 * `ReverseProxy` is an emitter too.
 */
const FAILURES = new WeakMap<ProxyEmitter, ListenerFailures>()

/**
 * Returns the object that reports errors of listeners. Other parts of the proxy use it to report errors of `next`, for example.
 */
export function failuresOf(emitter: ProxyEmitter): ListenerFailures {
  return FAILURES.get(emitter) as ListenerFailures
}

/**
 * Emits the proxy's events. If a listener throws, or returns a promise that rejects, the other listeners are still called. A
 * process warning reports the error. With `onListenerError: 'throw'`, the error is thrown on the next tick as an uncaught
 * exception.
 */
export class ProxyEmitter extends EventEmitter<ProxyEvents> {
  readonly #contained = new WeakMap<Listener, Listener>()
  /** Name of the event that is being emitted now. */
  #event = ''

  /**
   * Creates an emitter without listeners.
   *
   * @param onListenerError what happens to an error of a listener; by default it becomes a process warning
   */
  constructor(onListenerError?: OnListenerError) {
    super()
    FAILURES.set(this, new ListenerFailures(onListenerError))
  }

  /** Calls the listeners of an event. Returns whether the event had any listeners. */
  override emit<E extends keyof ProxyEvents>(
    event: E,
    ...args: EventEmitter.EventArgs<ProxyEvents, E>
  ): boolean {
    // Remember the event that is already being emitted, and restore it afterwards. A listener may emit another event.
    const outer = this.#event
    this.#event = event
    try {
      return super.emit(event, ...args)
    } finally {
      this.#event = outer
    }
  }

  /**
   * Adds a listener for an event.
   *
   * @throws ProxyError `PROXY_OPTION_INVALID` if the listener is not a function
   * @example
   * ```ts
   * proxy.on('requestFailed', ({ error }) => console.error(error.code, error.message))
   * ```
   */
  override on<E extends keyof ProxyEvents>(
    event: E,
    listener: EventEmitter.EventListener<ProxyEvents, E>,
    context?: unknown,
  ): this {
    checkListener(event, listener)
    return super.on(event, this.#contain(listener), context)
  }

  /**
   * Adds a listener that is called only for the next event of this name.
   *
   * @throws ProxyError `PROXY_OPTION_INVALID` if the listener is not a function
   */
  override once<E extends keyof ProxyEvents>(
    event: E,
    listener: EventEmitter.EventListener<ProxyEvents, E>,
    context?: unknown,
  ): this {
    checkListener(event, listener)
    return super.once(event, this.#contain(listener), context)
  }

  /** Removes one listener of an event. Without a listener as argument, removes all of the event's listeners. */
  override off<E extends keyof ProxyEvents>(
    event: E,
    listener?: EventEmitter.EventListener<ProxyEvents, E>,
    context?: unknown,
    once?: boolean,
  ): this {
    return super.off(event, listener && this.#contain(listener), context, once)
  }

  /** Does the same as `on`. */
  override addListener<E extends keyof ProxyEvents>(
    event: E,
    listener: EventEmitter.EventListener<ProxyEvents, E>,
    context?: unknown,
  ): this {
    return this.on(event, listener, context)
  }

  /** Does the same as `off`. */
  override removeListener<E extends keyof ProxyEvents>(
    event: E,
    listener?: EventEmitter.EventListener<ProxyEvents, E>,
    context?: unknown,
    once?: boolean,
  ): this {
    return this.off(event, listener, context, once)
  }

  // Wraps a listener, so that its errors are caught. Each listener has only one wrapper, so that `off` finds what `on` has added.
  #contain<L extends Listener>(listener: L): L {
    // Return anything but a function unchanged, because `off` does not check its argument.
    if (typeof listener !== 'function') return listener
    let contained = this.#contained.get(listener)
    if (!contained) {
      const failures = failuresOf(this)
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
      // Make the wrapper its own wrapper, because the emitter calls `off` with the wrapper to remove a `once` listener.
      this.#contained.set(contained, contained)
    }
    return contained as L
  }
}

/**
 * Throws unless a listener is a function. Callers in plain JavaScript may pass anything.
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
