import type { Backend } from '../../model/config.js'
import { isSameData } from '../../model/same-data.js'
import type { ProxyEmitter } from '../events/proxy-emitter.js'
import { CircuitBreaker } from './circuit-breaker.js'
import { ConnectionLimit } from './connection-limit.js'
import type { RequestQueue } from './request-queue.js'
import type { RetryBudget } from './retry-budget.js'

/** The parts of a live backend that may go on in the next generation. */
export interface CarriedOver {
  /** The configuration that they were made for. */
  readonly config: Backend
  /** Undefined until a server has a limit. */
  queue: RequestQueue | undefined
  readonly breaker: CircuitBreaker | undefined
  readonly limit: ConnectionLimit | undefined
  readonly retryBudget: RetryBudget
}

/** Decides for each part whether the one of the generation before goes on, and makes the others. */
export function carryOver(
  name: string,
  config: Backend,
  before: CarriedOver | undefined,
  tools: { readonly newBudget: () => RetryBudget; readonly events: ProxyEmitter },
): CarriedOver {
  // One that is configured as before goes on: a change of something else must not put a sick backend back.
  const isSameBreaker = before && isSameData(before.config.circuitBreaker, config.circuitBreaker)
  const isSameLimit = before && isSameData(before.config.maxConn, config.maxConn)
  return {
    config,
    // Whoever waits goes on waiting: what is under way on servers that stay counts for both.
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
