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
 * The emitter of a proxy's events. A listener that throws, or whose promise rejects, harms nobody: the other listeners are
 * called, and the work that emitted goes on. A warning of the process tells of it. With `'throw'`, the error is thrown on
 * the next tick, and the host's policy for uncaught exceptions decides.
 */
export class ProxyEmitter extends EventEmitter<ProxyEvents> {
  /** For the proxy's own use: where failures of all functions of the host's are told. */
  readonly failures: ListenerFailures
  readonly #contained = new WeakMap<Listener, Listener>()
  /** The event that is being emitted. */
  #event = ''

  constructor(onListenerError?: OnListenerError) {
    super()
    this.failures = new ListenerFailures(onListenerError)
  }

  override emit<E extends EventName>(event: E, ...args: EventEmitter.EventArgs<ProxyEvents, E>): boolean {
    // A listener may emit too.
    const outer = this.#event
    this.#event = event
    try {
      return super.emit(event, ...args)
    } finally {
      this.#event = outer
    }
  }

  override on<E extends EventName>(event: E, listener: ListenerOf<E>, context?: unknown): this {
    checkListener(event, listener)
    return super.on(event, this.#contain(listener), context)
  }

  override once<E extends EventName>(event: E, listener: ListenerOf<E>, context?: unknown): this {
    checkListener(event, listener)
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
    // `off` may be given anything.
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
      // The emitter itself takes a `once` listener off by what it was given.
      this.#contained.set(contained, contained)
    }
    return contained as L
  }
}

/** @throws ProxyError `PROXY_OPTION_INVALID` for callers in plain JavaScript */
function checkListener(event: string, listener: unknown): void {
  if (typeof listener === 'function') return
  const found = describeValue(listener)
  throw new ProxyError(
    'PROXY_OPTION_INVALID',
    `the listener of ${event}: expected a function, found ${found}`,
  )
}
