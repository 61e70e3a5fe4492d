/** One number of a metric, with its labels. */
export interface MetricValue {
  /** The name of a histogram's part, such as `NAME_bucket`. */
  readonly metricName?: string
  readonly labels: Readonly<Record<string, string | number>>
  readonly value: number
}

/** A metric with all its series. They are computed when the metric is read. */
export interface MetricFamily {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly values: () => MetricValue[]
}
