import type { Backend } from '../../model/config.js'
import { isSameData } from '../../model/same-data.js'
import type { ProxyEmitter } from '../events/proxy-emitter.js'
import { CircuitBreaker } from './circuit-breaker.js'
import { ConnectionLimit } from './connection-limit.js'
import type { RequestQueue } from './request-queue.js'
import type { RetryBudget } from './retry-budget.js'

/** The parts of a live backend that the next generation may keep. */
export interface CarriedOver {
  /** The configuration of the backend in this generation. */
  readonly config: Backend
  /** The requests that wait for a server. Undefined until a server of this backend has had a limit (`maxConnections`). */
  queue: RequestQueue | undefined
  readonly breaker: CircuitBreaker | undefined
  readonly limit: ConnectionLimit | undefined
  readonly retryBudget: RetryBudget
}

/**
 * Returns the parts of a new live backend. Parts that may stay come from the same backend in the generation before. All other
 * parts are new.
 */
export function carryOver(
  name: string,
  config: Backend,
  before: CarriedOver | undefined,
  tools: { readonly newBudget: () => RetryBudget; readonly events: ProxyEmitter },
): CarriedOver {
  // A circuit breaker with the same configuration stays. Otherwise an unrelated change would let requests pass to an unhealthy
  // backend.
  const isSameBreaker = before && isSameData(before.config.circuitBreaker, config.circuitBreaker)
  const isSameLimit = before && isSameData(before.config.maxConn, config.maxConn)
  return {
    config,
    // The request queue stays, with the requests that wait in it. A server that is in both generations counts the requests of
    // both.
    queue: before?.queue,
    breaker: isSameBreaker ? before.breaker : breakerOf(name, config, tools.events),
    limit: isSameLimit ? before.limit : config.maxConn && new ConnectionLimit(config.maxConn),
    retryBudget: before?.retryBudget ?? tools.newBudget(),
  }
}

function breakerOf(
  backend: string,
  { circuitBreaker }: Backend,
  events: ProxyEmitter,
): CircuitBreaker | undefined {
  return (
    circuitBreaker &&
    new CircuitBreaker(circuitBreaker, (state) => events.emit('circuitChanged', { backend, state }))
  )
}
