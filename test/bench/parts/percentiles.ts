/** The value below which this share of the values lies; NaN if there are none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5)
}

/** `p50/p99`, for a table. */
export function spread(values: readonly number[]): string {
  return `${percentile(values, 0.5).toFixed(1)}/${percentile(values, 0.99).toFixed(1)}`
}
