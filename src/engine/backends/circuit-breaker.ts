import { parseDuration } from '../../base/parse-duration.js'
import type { CircuitBreakerConfig } from '../../model/config.js'
import { ProxyError } from '../../model/errors.js'
import type { CircuitState } from '../../model/events.js'
import { type CircuitExpression, parseCircuitExpression } from '../../rules/circuit-expression.js'
import { RecentResponses } from './recent-responses.js'

/**
 * The shortest time between two evaluations of the circuit breaker's expression, in milliseconds. Traefik uses the same period.
 */
const CHECK_MS = 100

/**
 * Keeps requests away from an unhealthy backend for a while. It has three states: *standby* lets all requests pass, *tripped*
 * refuses all, and *recovering* lets more and more pass. Source: Traefik 1.7 `circuitBreaker`.
 */
export class CircuitBreaker {
  readonly #expression: CircuitExpression
  readonly #fallbackMs: number
  readonly #recoveryMs: number
  readonly #tell: (state: CircuitState) => void
  readonly #recent = new RecentResponses()
  #state: CircuitState = 'standby'
  #since = 0
  #checkedAt = 0
  #trippedAt = 0

  constructor(config: CircuitBreakerConfig, tell: (state: CircuitState) => void) {
    const expression = parseCircuitExpression(config.expression)
    if (typeof expression === 'string') throw new Error(expression)
    this.#expression = expression
    this.#fallbackMs = parseDuration(config.fallbackDuration) ?? 10_000
    this.#recoveryMs = parseDuration(config.recoveryDuration) ?? 10_000
    this.#tell = tell
  }

  /** Lets a request pass, or refuses it. @throws ProxyError `PROXY_CIRCUIT_OPEN` if the request must not pass */
  check(): void {
    if (this.#state === 'standby') return
    const elapsed = performance.now() - this.#since
    if (this.#state === 'tripped') {
      if (elapsed < this.#fallbackMs) throw new ProxyError('PROXY_CIRCUIT_OPEN')
      this.#change('recovering')
      return
    }
    if (elapsed >= this.#recoveryMs) this.#change('standby')
    else if (Math.random() >= elapsed / this.#recoveryMs) throw new ProxyError('PROXY_CIRCUIT_OPEN')
  }

  /**
   * Counts a request that has got its response or has failed. Trips the circuit breaker if its expression is now true.
   *
   * @param status the HTTP status of the response; undefined if there was no response
   */
  count(status: number | undefined, latencyMs: number): void {
    const now = performance.now()
    // Ignore a request that was under way when the breaker tripped. It says nothing about the backend's health afterwards.
    if (this.#state === 'tripped' || now - latencyMs < this.#trippedAt) return
    this.#recent.count(status, latencyMs)
    if (now - this.#checkedAt < CHECK_MS) return
    this.#checkedAt = now
    if (this.#expression(this.#recent)) this.#change('tripped')
  }

  #change(state: CircuitState): void {
    this.#state = state
    this.#since = performance.now()
    if (state === 'tripped') {
      this.#trippedAt = this.#since
      this.#recent.clear()
    }
    this.#tell(state)
  }
}
