import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks'
import type { MetricValue } from './metric-family.js'

/** Milliseconds between two ticks of Node's timer. */
const RESOLUTION_MS = 10

/** Returns a function that reads the delay of the event loop since its last call. The first call only starts the measurement. */
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
    // Node measures the time from one tick of its timer to the next. Everything beyond the timer's period is delay.
    const lag = (nanoseconds: number) => Math.max(0, nanoseconds / 1e9 - RESOLUTION_MS / 1e3)
    return [
      { labels: { of: 'mean' }, value: lag(mean) },
      { labels: { of: 'p99' }, value: lag(p99) },
      { labels: { of: 'max' }, value: lag(max) },
    ]
  }
}
