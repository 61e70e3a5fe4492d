import type { Server } from 'node:http'
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises'
import { onlyKnownOptions } from '../base/known-options.js'
import { present } from '../base/records.js'
import { QUIET_MS } from '../engine/closing.js'
import type { DataPlane } from '../engine/data-plane.js'
import type { Listener } from '../entry-points/listener.js'
import type { ShutdownChanged, ShutdownStep } from '../model/events.js'
import { checkMs, DEFAULT_DRAIN_MS, StepLimit } from './step-limit.js'

/** Options of `close`: the maximum length of the steps of a shutdown. `Infinity` means no limit. */
export interface CloseOptions {
  /**
   * Milliseconds for which the proxy still accepts requests, while the status page `/ready` already answers 503. In this time,
   * load balancers notice the 503 and send new requests elsewhere.
   *
   * @default 0
   */
  readonly acceptMs?: number | undefined
  /**
   * Milliseconds after `acceptMs` in which requests in progress may end. Then the proxy aborts them. 0: at once.
   *
   * @default 10_000
   */
  readonly drainMs?: number | undefined
}

/** The parts of a proxy that a shutdown stops, and functions that the shutdown calls. */
export interface ShutdownParts {
  readonly engine: Pick<DataPlane, 'closing' | 'inFlight'>
  readonly listeners: ReadonlySet<Listener>
  /** HTTP servers that the application created and passed to `attach`. */
  readonly attached: ReadonlySet<Server>
  stopProviders(): Promise<void>
  /** Removes the proxy's listeners and limits from the attached servers. */
  detach(): void
  tell(event: ShutdownChanged): void
  /** Closes the status server and the logs. It is called last, so that they still get the last event. */
  endObservation(): Promise<void>
}

const DEFAULTS = { acceptMs: 0, drainMs: DEFAULT_DRAIN_MS }

/** Runs the steps in which a proxy closes: accept, drain, cut. */
export class Shutdown {
  readonly #parts: ShutdownParts
  readonly #accept = new StepLimit()
  readonly #drain = new StepLimit()
  #step: ShutdownStep | undefined
  #done: Promise<void> | undefined
  /** Removes the listener from the `AbortSignal`. A signal that outlives the proxy would otherwise keep the proxy in memory. */
  #stopListeningForAbort = () => {}

  constructor(parts: ShutdownParts) {
    this.#parts = parts
  }

  /** The current step of the shutdown, or undefined before it begins. */
  get step(): ShutdownStep | undefined {
    return this.#step
  }

  /**
   * Begins the shutdown. A second call waits for the first one. Its options can shorten a step, but never extend it.
   *
   * @throws ProxyError `PROXY_OPTION_INVALID` if an option is unknown or has a wrong value
   */
  close(options: CloseOptions): Promise<void> {
    checkCloseOptions(options)
    const { acceptMs, drainMs } = this.#done ? options : { ...DEFAULTS, ...present(options) }
    if (acceptMs !== undefined) this.#accept.shorten(acceptMs)
    if (drainMs !== undefined) this.#drain.shorten(drainMs)
    if (this.#done) return this.#done
    let begin = () => {}
    this.#done = new Promise((resolve, reject) => {
      begin = () => void this.#run().then(resolve, reject)
    })
    // Begin only after `#done` was set, because a listener of the first event may call `close` again.
    begin()
    return this.#done
  }

  /** Closes the proxy when the signal aborts, as by `close()` without options. If it has already aborted, closes at once. */
  closeOnAbort(signal: AbortSignal | undefined): void {
    const close = () => void this.close({})
    if (signal?.aborted) close()
    signal?.addEventListener('abort', close, { once: true })
    this.#stopListeningForAbort = () => signal?.removeEventListener('abort', close)
  }

  async #run(): Promise<void> {
    if (this.#accept.ms > 0) await this.#acceptOn()
    const stopped = await this.#finishRequests()
    await this.#cutTheRest(stopped)
    await this.#parts.endObservation()
  }

  async #acceptOn(): Promise<void> {
    const { ms } = this.#accept
    this.#step = 'accepting'
    this.#parts.engine.closing.leave()
    this.#tell({ step: 'accepting', limitMs: ms })
    await this.#accept.pass()
    // Wait for one turn of the event loop, in which Node accepts the connections that the operating system has already completed.
    // Otherwise closing the listener would reset them.
    await nextTurn()
  }

  /**
   * Waits until the requests in progress have ended, for at most `drainMs`.
   *
   * @returns promises that resolve when the providers and listeners have stopped
   */
  async #finishRequests(): Promise<readonly Promise<void>[]> {
    const { engine, listeners } = this.#parts
    this.#step = 'draining'
    engine.closing.drain()
    const listenersStopped = [...listeners].map((listener) => listener.stopAccepting())
    const stopped = [this.#parts.stopProviders(), ...listenersStopped]
    const { ms } = this.#drain
    this.#tell({ step: 'draining', limitMs: ms })
    if (ms > 0) await this.#drain.pass(this.#drained(listenersStopped))
    return stopped
  }

  /**
   * Resolves when no request is in progress, and no client can still be sending a new one on an open connection.
   *
   * @param listenersStopped one promise for each listener, which resolves when its last connection has closed
   */
  async #drained(listenersStopped: readonly Promise<void>[]): Promise<void> {
    const { engine, listeners } = this.#parts
    const quietEnd = new AbortController()
    const quiet = delay(QUIET_MS, undefined, { signal: quietEnd.signal, ref: false }).catch(() => {})
    await Promise.race([quiet, this.#nothingOnTheWay(listenersStopped)])
    quietEnd.abort()
    // Wait for one turn of the event loop, in which Node reads requests that have arrived. Closing a connection would lose its
    // request.
    await nextTurn()
    for (const listener of listeners) listener.closeIdle()
    await engine.closing.drained()
  }

  /** Resolves when no connection is left on the proxy's listeners, or on attached servers that no longer listen. */
  async #nothingOnTheWay(listenersStopped: readonly Promise<void>[]): Promise<void> {
    const { attached } = this.#parts
    // After an accept step without listeners and attached servers, never resolve: the caller then waits for `QUIET_MS`. The
    // application may call the proxy's handlers from servers that the proxy does not know.
    if (this.#accept.ms > 0 && listenersStopped.length + attached.size === 0) return new Promise(() => {})
    const closing = [...attached].filter(({ listening }) => !listening)
    const closed = closing.map((server) => new Promise((resolve) => server.once('close', resolve)))
    await Promise.all([...listenersStopped, ...closed])
  }

  async #cutTheRest(stopped: readonly Promise<void>[]): Promise<void> {
    const { engine, listeners } = this.#parts
    const cut = engine.inFlight.size
    this.#step = 'cutting'
    if (cut > 0) this.#tell({ step: 'cutting' })
    await engine.closing.end()
    for (const listener of listeners) listener.cut()
    this.#stopListeningForAbort()
    this.#parts.detach()
    await Promise.all(stopped)
    this.#step = 'closed'
    this.#tell({ step: 'closed', cut })
  }

  #tell(event: Omit<ShutdownChanged, 'inFlight'>): void {
    this.#parts.tell({ ...event, inFlight: this.#parts.engine.inFlight.size })
  }
}

function checkCloseOptions(options: CloseOptions): void {
  onlyKnownOptions(options, Object.keys(DEFAULTS), 'close: ')
  for (const [name, value] of Object.entries(options)) checkMs(value, `close: ${name}`)
}
