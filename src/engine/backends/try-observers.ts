import { looksAtQuality } from '../../balancing/strategies.js'
import type { ProxyError } from '../../model/errors.js'
import type { CircuitBreaker } from './circuit-breaker.js'
import type { LiveServer } from './live-server.js'
import type { OutlierDetection } from './outlier-detection.js'

/** How a try ended: the status of a response, a failure of the server, or undefined if it says nothing of the server. */
export type TryOutcome = number | ProxyError | undefined

/** Called at the end of each try. @param latencyMs milliseconds until the head of the response, or until the try failed */
export type TryObserver = (server: LiveServer, outcome: TryOutcome, latencyMs: number) => void

/**
 * Returns what observes the tries of a backend. The list is empty if nothing in the backend looks at them, so that its requests
 * measure nothing. To observe tries for another purpose, add a row.
 */
export function tryObservers(
  method: string,
  outliers: OutlierDetection,
  breaker: CircuitBreaker | undefined,
): readonly TryObserver[] {
  const judging: TryObserver[] = [
    ...(breaker ? [countInBreaker(breaker)] : []),
    ...(outliers.judgesResponses ? [judgeOutlier(outliers)] : []),
  ]
  return judging.length > 0 || looksAtQuality(method) ? [measureQuality, ...judging] : []
}

const measureQuality: TryObserver = (server, outcome, latencyMs) =>
  server.state.quality.measured(latencyMs, hasFailed(outcome))

const countInBreaker =
  (breaker: CircuitBreaker): TryObserver =>
  (_server, outcome, latencyMs) => {
    if (outcome !== undefined) breaker.count(typeof outcome === 'number' ? outcome : undefined, latencyMs)
  }

const judgeOutlier =
  (outliers: OutlierDetection): TryObserver =>
  (server, outcome) => {
    if (outcome !== undefined) outliers.judge(server, hasFailed(outcome))
  }

function hasFailed(outcome: TryOutcome): boolean {
  return typeof outcome === 'number' ? outcome >= 500 : outcome !== undefined
}
