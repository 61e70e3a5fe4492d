import type { Server } from 'node:http'
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises'
import { MAX_TIMER_MS, onlyKnownOptions } from '../base/known-options.js'
import { describeValue } from '../base/messages.js'
import { present } from '../base/records.js'
import { QUIET_MS } from '../engine/closing.js'
import type { DataPlane } from '../engine/data-plane.js'
import type { Listener } from '../entry-points/listener.js'
import { ProxyError } from '../model/errors.js'
import type { ShutdownChanged, ShutdownStep } from '../model/events.js'

/** Options of `close`: the length of the steps of a shutdown. `Infinity` means no limit. */
export interface CloseOptions {
  /**
   * Milliseconds for which the proxy still accepts requests while `/ready` answers 503. A load balancer notices that and sends
   * its requests elsewhere.
   *
   * @default 0
   */
  readonly acceptMs?: number | undefined
  /** Milliseconds that requests under way then have to end before the proxy cuts them. 0: it cuts at once. @default 10_000 */
  readonly drainMs?: number | undefined
}

/** The parts of a proxy that a shutdown ends. */
export interface ShutdownParts {
  readonly engine: Pick<DataPlane, 'closing' | 'inFlight'>
  readonly listeners: ReadonlySet<Listener>
  /** The servers of the host's code to which the proxy is attached. */
  readonly attached: ReadonlySet<Server>
  stopProviders(): Promise<void>
  /** Takes the proxy's handlers and limits off the servers of the host's code. */
  detach(): void
  tell(event: ShutdownChanged): void
  /** Closes the status server and the logs. The last event must still reach them. */
  endObservation(): Promise<void>
}

const DEFAULTS = { acceptMs: 0, drainMs: 10_000 }

/** Closes a proxy step by step. */
export class Shutdown {
  readonly #parts: ShutdownParts
  readonly #accept = new Limit()
  readonly #drain = new Limit()
  #step: ShutdownStep | undefined
  #done: Promise<void> | undefined
  /** A signal may live longer than the proxy, and its listener would keep the proxy in memory. */
  #stopListeningForAbort = () => {}

  constructor(parts: ShutdownParts) {
    this.#parts = parts
  }

  /** The step that the shutdown has come to. Undefined before it begins. */
  get step(): ShutdownStep | undefined {
    return this.#step
  }

  /**
   * Begins the shutdown. A second call waits for the first one. Its options can shorten a step, but never extend one.
   *
   * @throws ProxyError `PROXY_OPTION_INVALID` for callers in plain JavaScript
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
    // `#done` must exist before this, because a listener of the first event may call `close` again.
    begin()
    return this.#done
  }

  /** Closes with the defaults when the signal aborts; at once if it has aborted already. */
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
    // The system may have completed connections that Node has not accepted yet. Node accepts them in this turn of the event
    // loop. Without the turn, closing the listener would reset them.
    await nextTurn()
  }

  /** Waits until the requests under way end, at most `drainMs`. @returns promises of the providers and listeners that stop */
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
   * Resolves when no request is under way and none may be on its way.
   *
   * @param listenersStopped promises that resolve when the last connection of a listener has closed
   */
  async #drained(listenersStopped: readonly Promise<void>[]): Promise<void> {
    const { engine, listeners } = this.#parts
    const quietEnd = new AbortController()
    const quiet = delay(QUIET_MS, undefined, { signal: quietEnd.signal, ref: false }).catch(() => {})
    await Promise.race([quiet, this.#nothingOnTheWay(listenersStopped)])
    quietEnd.abort()
    // Node reads requests that have arrived in this turn. Without the turn, closing an idle connection would lose them.
    await nextTurn()
    for (const listener of listeners) listener.closeIdle()
    await engine.closing.drained()
  }

  /** Resolves when the proxy's listeners, and attached servers that no longer listen, have no connection left. */
  async #nothingOnTheWay(listenersStopped: readonly Promise<void>[]): Promise<void> {
    const { attached } = this.#parts
    // The host may call the handlers from servers that the proxy does not know. Then only the end of `QUIET_MS` ends the wait.
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

/** The time limit of a step. */
class Limit {
  /** Milliseconds from the start of the step. */
  ms = Number.POSITIVE_INFINITY
  #beganAt: number | undefined
  #timer: NodeJS.Timeout | undefined
  #end = () => {}

  /** Lets the step end at the latest in `ms` milliseconds from now. */
  shorten(ms: number): void {
    const passedMs = this.#beganAt === undefined ? 0 : performance.now() - this.#beganAt
    this.ms = Math.min(this.ms, passedMs + ms)
    if (this.#timer !== undefined) this.#wait()
  }

  /** Resolves when the time is over, or earlier when `before` resolves. */
  async pass(before?: Promise<void>): Promise<void> {
    this.#beganAt = performance.now()
    const over = new Promise<void>((resolve) => {
      this.#end = resolve
    })
    this.#wait()
    await Promise.race(before ? [over, before] : [over])
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #wait(): void {
    clearTimeout(this.#timer)
    const restMs = this.ms - (performance.now() - (this.#beganAt ?? 0))
    this.#timer = setTimeout(this.#end, Math.min(Math.max(restMs, 0), MAX_TIMER_MS))
  }
}

function checkCloseOptions(options: CloseOptions): void {
  onlyKnownOptions(options, Object.keys(DEFAULTS), 'close: ')
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || (typeof value === 'number' && value >= 0)) continue
    const found = typeof value === 'number' ? value : describeValue(value)
    throw new ProxyError(
      'PROXY_OPTION_INVALID',
      `close: ${name}: expected milliseconds, 0 or more, found ${found}`,
    )
  }
}
