import type { Registry } from 'prom-client'
import { type MetricFamily, type MetricSources, metricFamilies } from './metric-families.js'

/** How metrics are named and bounded. */
export interface MetricsOptions {
  /**
   * The host's own registry of prom-client: ours stand in it too, and `/metrics` answers with all that it holds. Default: a
   * registry with ours alone.
   */
  readonly registry?: Registry
  /** Before every name. Default `switchover_`. */
  readonly prefix?: string
  /** Upper bounds of durations, in seconds, ascending. Default 0.005, 0.025, 0.1, 0.3, 1.2, 5. */
  readonly buckets?: readonly number[]
  /** Backends, and servers, with series of their own; the others are counted as `other`. Default 1,000. */
  readonly maxBackends?: number
}

export const OPENMETRICS = 'application/openmetrics-text'

/** The metrics as text, for Prometheus (0.0.4) or OpenMetrics (1.0.0). Nothing is worked out before somebody asks. */
export class Metrics {
  readonly #families: readonly MetricFamily[]
  readonly #host: Registry | undefined
  #own: Promise<{ readonly prometheus: Registry; readonly openMetrics: Registry }> | undefined

  constructor(sources: MetricSources, { registry, prefix = 'switchover_' }: MetricsOptions = {}) {
    this.#families = metricFamilies(sources, prefix)
    this.#host = registry
    if (registry) this.#register(registry)
  }

  /** @param accept the header of whoever asks */
  async read(accept = ''): Promise<{ readonly type: string; readonly body: string }> {
    const registry = this.#host ?? (await this.#ownFor(accept))
    return { type: registry.contentType, body: await registry.metrics() }
  }

  /** Takes ours out of the host's registry. */
  close(): void {
    for (const { name } of this.#families) this.#host?.removeSingleMetric(name)
  }

  async #ownFor(accept: string): Promise<Registry> {
    this.#own ??= this.#makeOwn()
    const { prometheus, openMetrics } = await this.#own
    return accept.includes(OPENMETRICS) ? openMetrics : prometheus
  }

  /** One for each form: a registry of OpenMetrics changes the names of its counters for good. */
  async #makeOwn() {
    const { Registry: Own } = (await import('prom-client')).default
    const prometheus = new Own()
    const openMetrics = new Own() as Registry
    openMetrics.setContentType(Own.OPENMETRICS_CONTENT_TYPE as never)
    this.#register(prometheus)
    this.#register(openMetrics)
    return { prometheus, openMetrics }
  }

  #register(registry: Registry): void {
    for (const family of this.#families) registry.registerMetric(asMetric(family) as never)
  }
}

/** What a registry takes for a metric of its own: prom-client's would cost each request more than all of ours. */
function asMetric({ name, help, type, values }: MetricFamily) {
  return {
    name,
    help,
    type,
    async get() {
      // By its name of now: see `makeOwn`.
      return { name: this.name, help, type, values: values(), aggregator: 'sum' }
    },
    reset() {},
  }
}
