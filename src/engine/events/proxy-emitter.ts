import { EventEmitter } from 'eventemitter3'
import { describeValue } from '../../base/messages.js'
import { ProxyError } from '../../model/errors.js'
import type { ProxyEvents } from '../../model/events.js'
import { onRejected } from '../../model/rejections.js'
import { ListenerFailures, type OnListenerError } from './listener-failures.js'

type Listener = EventEmitter.ListenerFn

/** The reports of each emitter. They are no member, because `ReverseProxy` is an emitter and would show them to hosts. */
const FAILURES = new WeakMap<ProxyEmitter, ListenerFailures>()

/** Returns where failures of the host's functions are reported, for the parts of the proxy that call such functions. */
export function failuresOf(emitter: ProxyEmitter): ListenerFailures {
  return FAILURES.get(emitter) as ListenerFailures
}

/**
 * Emits a proxy's events. If a listener throws or its promise rejects, the other listeners and the
 * emitting code still run. A process warning reports the error. With `onListenerError: 'throw'`,
 * the error is thrown on the next tick, and the host's policy for uncaught exceptions decides.
 */
export class ProxyEmitter extends EventEmitter<ProxyEvents> {
  readonly #contained = new WeakMap<Listener, Listener>()
  /** Name of the event that is being emitted. */
  #event = ''

  /**
   * Makes an emitter without listeners.
   *
   * @param onListenerError what happens to the error of a listener; by default it becomes a process warning
   */
  constructor(onListenerError?: OnListenerError) {
    super()
    FAILURES.set(this, new ListenerFailures(onListenerError))
  }

  /** Calls the listeners of an event. Returns whether there were any. */
  override emit<E extends keyof ProxyEvents>(
    event: E,
    ...args: EventEmitter.EventArgs<ProxyEvents, E>
  ): boolean {
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
  override on<E extends keyof ProxyEvents>(
    event: E,
    listener: EventEmitter.EventListener<ProxyEvents, E>,
    context?: unknown,
  ): this {
    checkListener(event, listener)
    return super.on(event, this.#contain(listener), context)
  }

  /**
   * Adds a listener that is called once.
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

  /** Removes a listener of an event, or all of its listeners if none is given. */
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

  // Each listener has one wrapper for all events, so that `off` finds what `on` has added.
  #contain<L extends Listener>(listener: L): L {
    // `off` does not check its argument, which may be anything.
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
