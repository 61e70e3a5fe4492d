import { MAX_TIMER_MS } from '../base/known-options.js'
import { describeValue } from '../base/messages.js'
import { ProxyError } from '../model/errors.js'

/** Milliseconds in which requests in progress may end, unless the caller says otherwise. */
export const DEFAULT_DRAIN_MS = 10_000

/**
 * Throws unless a value is a time limit, or undefined.
 *
 * @param where what the message names, such as `close: drainMs`
 * @throws ProxyError `PROXY_OPTION_INVALID`
 */
export function checkMs(value: unknown, where: string): void {
  if (value === undefined || (typeof value === 'number' && value >= 0)) return
  const found = typeof value === 'number' ? value : describeValue(value)
  throw new ProxyError('PROXY_OPTION_INVALID', `${where}: expected milliseconds, 0 or more, found ${found}`)
}

/** The time limit of one step in which connections end. It can be shortened while the step runs. */
export class StepLimit {
  /** The limit in milliseconds, counted from the start of the step. */
  ms = Number.POSITIVE_INFINITY
  #beganAt: number | undefined
  #timer: NodeJS.Timeout | undefined
  #end = () => {}

  /** Shortens the limit: the step ends `ms` milliseconds from now or earlier. */
  shorten(ms: number): void {
    const passedMs = this.#beganAt === undefined ? 0 : performance.now() - this.#beganAt
    this.ms = Math.min(this.ms, passedMs + ms)
    if (this.#timer !== undefined) this.#wait()
  }

  /** Starts the time, and resolves when the limit is reached, or earlier when `before` resolves. */
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
