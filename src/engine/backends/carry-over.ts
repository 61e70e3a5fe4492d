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
  /** Undefined until a server has had a limit (`maxConnections`). */
  queue: RequestQueue | undefined
  readonly breaker: CircuitBreaker | undefined
  readonly limit: ConnectionLimit | undefined
  readonly retryBudget: RetryBudget
}

/** Returns the parts of a new live backend: those of the generation before that it keeps, and new ones for the rest. */
export function carryOver(
  name: string,
  config: Backend,
  before: CarriedOver | undefined,
  tools: { readonly newBudget: () => RetryBudget; readonly events: ProxyEmitter },
): CarriedOver {
  // A breaker with the same configuration stays. Otherwise an unrelated change would let requests pass to an unhealthy backend.
  const isSameBreaker = before && isSameData(before.config.circuitBreaker, config.circuitBreaker)
  const isSameLimit = before && isSameData(before.config.maxConn, config.maxConn)
  return {
    config,
    // Waiting requests stay in the queue. Servers that stay count the requests under way for both generations.
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
