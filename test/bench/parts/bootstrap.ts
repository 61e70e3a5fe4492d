import { median } from './percentiles.js'

/** Where a median lies, as far as its sample can tell. */
export interface MedianInterval {
  readonly median: number
  readonly low: number
  readonly high: number
}

const RESAMPLES = 10_000

/** The median of a sample, and its 95 % interval by the percentile bootstrap (Efron 1979). */
export function medianInterval(
  values: readonly number[],
  random: () => number = Math.random,
): MedianInterval {
  const draw = () => values[Math.floor(random() * values.length)] as number
  const medians = Array.from({ length: RESAMPLES }, () => median(values.map(draw))).sort((a, b) => a - b)
  const at = (share: number) => medians[Math.floor(share * (RESAMPLES - 1))] as number
  return { median: median(values), low: at(0.025), high: at(0.975) }
}
