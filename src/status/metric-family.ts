/** One value of a metric, with its labels. */
export interface MetricValue {
  /** The name of this part of a histogram, such as `NAME_bucket`. If undefined, the name of the metric applies. */
  readonly metricName?: string
  readonly labels: Readonly<Record<string, string | number>>
  readonly value: number
}

/** A metric with all its series. The values of the series are computed each time the metric is read. */
export interface MetricFamily {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly values: () => MetricValue[]
}
