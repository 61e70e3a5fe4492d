import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks'
import type { MetricValue } from './metric-family.js'

/** Milliseconds between two ticks of the timer with which Node measures the delay of the event loop. */
const RESOLUTION_MS = 10

/**
 * Returns a function that measures the delay of the event loop. Each call returns the delay since the previous call. The first
 * call only starts the measurement.
 */
export function eventLoopLag(): () => MetricValue[] {
  let histogram: IntervalHistogram | undefined
  return () => {
    if (histogram === undefined) {
      histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
      histogram.enable()
      return []
    }
    const { max, mean, count } = histogram
    const p99 = histogram.percentile(99)
    histogram.reset()
    if (count === 0) return []
    // Subtract the timer's period. Node measures the time from one tick of its timer to the next, and only the time beyond the
    // period is delay.
    const lag = (nanoseconds: number) => Math.max(0, nanoseconds / 1e9 - RESOLUTION_MS / 1e3)
    return [
      { labels: { of: 'mean' }, value: lag(mean) },
      { labels: { of: 'p99' }, value: lag(p99) },
      { labels: { of: 'max' }, value: lag(max) },
    ]
  }
}
