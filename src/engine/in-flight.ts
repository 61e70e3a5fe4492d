import type { ProxyError } from '../model/errors.js'
import type { Exchange } from './exchange.js'

/** Beyond it node's timers fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1

/** The requests under way, so that closing can wait for them, and cut those that outlast its patience. */
export class InFlight {
  readonly #exchanges = new Set<Exchange>()
  #onIdle: (() => void) | undefined

  get size(): number {
    return this.#exchanges.size
  }

  add(exchange: Exchange): void {
    this.#exchanges.add(exchange)
  }

  remove(exchange: Exchange): void {
    this.#exchanges.delete(exchange)
    if (this.#exchanges.size === 0) this.#onIdle?.()
  }

  /** Resolves when the last one has ended, or at the limit. */
  async idleWithin(limitMs: number): Promise<void> {
    if (this.#exchanges.size === 0 || limitMs <= 0) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, Math.min(limitMs, MAX_TIMER_MS))
      this.#onIdle = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  cutAll(reason: ProxyError): void {
    for (const exchange of this.#exchanges) exchange.cut(reason)
  }
}
