import { MAX_TIMER_MS } from '../base/known-options.js'
import { ProxyError } from '../model/errors.js'
import type { SupervisedProvider } from './supervised-provider.js'

/** Lets callers wait until every provider has a live configuration. */
export class Readiness {
  readonly #providers: readonly SupervisedProvider[]
  /** A function for each caller that waits. Calling the function ends the wait, with an error if one is given. */
  readonly #waiting = new Set<(error?: ProxyError) => void>()
  #isClosed = false

  constructor(providers: readonly SupervisedProvider[]) {
    this.#providers = providers
  }

  /**
   * Waits until every provider has a live configuration.
   *
   * @throws ProxyError `PROXY_NOT_READY` after `timeoutMs`, with each missing provider and the first error that it reported
   * @throws ProxyError `PROXY_CLOSED` if the supervisor, which runs the providers, stops
   */
  async wait(timeoutMs: number): Promise<void> {
    if (this.#isClosed) throw new ProxyError('PROXY_CLOSED')
    if (this.#allLive()) return
    await new Promise<void>((resolve, reject) => {
      const settle = (error?: ProxyError) => {
        clearTimeout(timer)
        this.#waiting.delete(settle)
        if (error) reject(error)
        else resolve()
      }
      const timer = setTimeout(() => settle(this.#notReady(timeoutMs)), Math.min(timeoutMs, MAX_TIMER_MS))
      this.#waiting.add(settle)
    })
  }

  /**
   * Ends every wait if each provider has a live configuration. Called each time the proxy has switched to a new configuration.
   */
  onSwitch(): void {
    if (this.#allLive()) for (const settle of this.#waiting) settle()
  }

  /** Ends every wait with the error `PROXY_CLOSED`. Later calls of `wait` fail with the same code. */
  close(): void {
    this.#isClosed = true
    for (const settle of this.#waiting) settle(new ProxyError('PROXY_CLOSED'))
  }

  #allLive(): boolean {
    return this.#providers.every(({ live }) => live !== undefined)
  }

  #notReady(timeoutMs: number): ProxyError {
    const missing = this.#providers.filter(({ live }) => live === undefined)
    const reasons = missing.map(
      ({ name, firstCause }) => `${name}: ${firstCause?.message ?? 'delivered nothing yet'}`,
    )
    const message = `not ready after ${timeoutMs} ms: ${reasons.join('; ')}`
    return new ProxyError('PROXY_NOT_READY', message, {
      cause: missing.find(({ firstCause }) => firstCause)?.firstCause,
    })
  }
}
