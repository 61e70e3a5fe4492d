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

/** How long the steps of a shutdown may last. */
export interface CloseOptions {
  /**
   * Requests are still accepted and routed for so many milliseconds, while `/ready` says 503. A load balancer notices that, and
   * sends no more. Default 0.
   */
  readonly acceptMs?: number | undefined
  /** What is under way then has so many milliseconds to finish, before it is cut. Default 10,000; 0 waits for nothing. */
  readonly drainMs?: number | undefined
}

/** What a shutdown ends. */
export interface ShutdownParts {
  readonly engine: Pick<DataPlane, 'closing' | 'inFlight'>
  readonly listeners: ReadonlySet<Listener>
  /** Servers of the host's. */
  readonly attached: ReadonlySet<Server>
  stopProviders(): Promise<void>
  /** Takes what is the proxy's off what is the host's. */
  detach(): void
  tell(event: ShutdownChanged): void
  /** Ends what others look at the proxy by. */
  conclude(): Promise<void>
}

const DEFAULTS = { acceptMs: 0, drainMs: 10_000 }

/** The end of a proxy, step by step. */
export class Shutdown {
  readonly #parts: ShutdownParts
  readonly #accept = new Limit()
  readonly #drain = new Limit()
  #step: ShutdownStep | undefined
  #done: Promise<void> | undefined

  constructor(parts: ShutdownParts) {
    this.#parts = parts
  }

  /** Undefined before it begins. */
  get step(): ShutdownStep | undefined {
    return this.#step
  }

  /**
   * Begins. A second call waits for the first; what it is given can shorten a step, and never prolongs one.
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
    // Not before the promise is there: whoever is told of the first step may call this again.
    begin()
    return this.#done
  }

  async #run(): Promise<void> {
    if (this.#accept.ms > 0) await this.#acceptOn()
    const stopped = await this.#finishRequests()
    await this.#cutTheRest(stopped)
    await this.#parts.conclude()
  }

  async #acceptOn(): Promise<void> {
    const { ms } = this.#accept
    this.#step = 'accepting'
    this.#parts.engine.closing.leave()
    this.#tell({ step: 'accepting', limitMs: ms })
    await this.#accept.pass()
    // The system has completed connections that Node has yet to accept. In this turn it does, so that none of them is reset.
    await nextTurn()
  }

  /** @returns what has begun to stop */
  async #finishRequests(): Promise<readonly Promise<void>[]> {
    const { engine, listeners } = this.#parts
    this.#step = 'draining'
    engine.closing.drain()
    const left = [...listeners].map((listener) => listener.stopAccepting())
    const stopped = [this.#parts.stopProviders(), ...left]
    const { ms } = this.#drain
    this.#tell({ step: 'draining', limitMs: ms })
    if (ms > 0) await this.#drain.pass(this.#drained(left))
    return stopped
  }

  /** @param left resolve when the last connection of each listener is gone */
  async #drained(left: readonly Promise<void>[]): Promise<void> {
    const { engine, listeners } = this.#parts
    const enough = new AbortController()
    const quiet = delay(QUIET_MS, undefined, { signal: enough.signal, ref: false }).catch(() => {})
    await Promise.race([quiet, this.#nothingOnTheWay(left)])
    enough.abort()
    // What has arrived is read in this turn. Closed before, an idle connection would lose it.
    await nextTurn()
    for (const listener of listeners) listener.closeIdle()
    await engine.closing.drained()
  }

  /** Resolves when no connection is left on which a request may be on its way. */
  async #nothingOnTheWay(left: readonly Promise<void>[]): Promise<void> {
    const { attached } = this.#parts
    // Of a host that calls the handlers nothing is known.
    if (this.#accept.ms > 0 && left.length + attached.size === 0) return new Promise(() => {})
    const closing = [...attached].filter(({ listening }) => !listening)
    const closed = closing.map((server) => new Promise((resolve) => server.once('close', resolve)))
    await Promise.all([...left, ...closed])
  }

  async #cutTheRest(stopped: readonly Promise<void>[]): Promise<void> {
    const { engine, listeners } = this.#parts
    const cut = engine.inFlight.size
    this.#step = 'cutting'
    if (cut > 0) this.#tell({ step: 'cutting' })
    await engine.closing.end()
    for (const listener of listeners) listener.cut()
    this.#parts.detach()
    await Promise.all(stopped)
    this.#step = 'closed'
    this.#tell({ step: 'closed', cut })
  }

  #tell(event: Omit<ShutdownChanged, 'inFlight'>): void {
    this.#parts.tell({ ...event, inFlight: this.#parts.engine.inFlight.size })
  }
}

/** How long a step may last. */
class Limit {
  /** In milliseconds, from the step's begin. */
  ms = Number.POSITIVE_INFINITY
  #beganAt: number | undefined
  #timer: NodeJS.Timeout | undefined
  #end = () => {}

  shorten(ms: number): void {
    const passedMs = this.#beganAt === undefined ? 0 : performance.now() - this.#beganAt
    this.ms = Math.min(this.ms, passedMs + ms)
    if (this.#timer !== undefined) this.#wait()
  }

  /** Resolves when the time is over, or something else was before. */
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
