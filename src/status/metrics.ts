import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Registry } from 'prom-client'
import { asError, ProxyError } from '../model/errors.js'
import { type MetricSources, metricFamilies } from './metric-families.js'
import type { MetricFamily, MetricValue } from './metric-family.js'

/**
 * Options of the metrics: their names, and how many series they have.
 *
 * @throws ProxyError `PROXY_OPTION_INVALID` from `createProxy` if an option is wrong
 * @example
 * ```ts
 * const metrics: MetricsOptions = { prefix: 'edge_', buckets: [0.01, 0.1, 1] }
 * const proxy = createProxy({ config, status: { address: ':8080', metrics } })
 * ```
 */
export interface MetricsOptions {
  /**
   * A prom-client registry of the application that embeds the proxy. The proxy adds its metrics to this registry, and `/metrics`
   * answers with all metrics of the registry. If the registry already has a metric of the same name, `proxy.ready()` rejects
   * with `PROXY_OPTION_INVALID`.
   *
   * @default a registry with the proxy's metrics only
   * @example
   * ```ts
   * import { register } from 'prom-client'
   * const proxy = createProxy({ config, status: { metrics: { registry: register } } })
   * ```
   */
  readonly registry?: Registry
  /**
   * The prefix of every metric name.
   *
   * @default 'switchover_'
   */
  readonly prefix?: string
  /**
   * Upper bounds of the buckets of the duration histograms, in seconds, ascending. Source: the defaults of Traefik 1.7. The
   * default here also has finer bounds for short durations.
   *
   * @default [0.005, 0.025, 0.1, 0.3, 1.2, 5]
   */
  readonly buckets?: readonly number[]
  /**
   * The highest number of backends, and of servers, that have metric series of their own. Further backends are counted together
   * as `other`.
   *
   * @default 1000
   */
  readonly maxBackends?: number
}

/** The metrics as text, with the content type of the text. */
export interface MetricsText {
  readonly type: string
  readonly body: string
}

const OPENMETRICS = 'application/openmetrics-text'
/** The number of metric series that are written as text in one turn of the event loop. */
const SLICE = 5_000

/**
 * Writes the metrics in the text format of Prometheus (0.0.4) or OpenMetrics (1.0.0). The values are computed only when a client
 * requests them.
 */
export class Metrics {
  readonly #families: readonly MetricFamily[]
  readonly #host: Registry | undefined
  readonly #registered: string[] = []
  /**
   * The texts that are being written. The key is true for the OpenMetrics format, and false for that of Prometheus. Concurrent
   * requests share one text.
   */
  readonly #underWay = new Map<boolean, Promise<MetricsText>>()

  constructor(sources: MetricSources, { registry, prefix = 'switchover_' }: MetricsOptions = {}) {
    this.#families = metricFamilies(sources, prefix)
    this.#host = registry
  }

  /**
   * Adds all metrics to the registry that the embedding application has supplied. If one of them is refused, none stays in the
   * registry.
   *
   * @throws ProxyError `PROXY_OPTION_INVALID` if a metric name is taken
   */
  register(): void {
    const registry = this.#host
    if (!registry) return
    try {
      for (const family of this.#families) {
        registry.registerMetric(asMetric(family) as never)
        this.#registered.push(family.name)
      }
    } catch (error) {
      this.unregister()
      const message = `metrics.registry: ${asError(error).message} Set another prefix for this proxy (status.metrics.prefix)`
      throw new ProxyError('PROXY_OPTION_INVALID', message, { cause: error })
    }
  }

  /** Removes the proxy's metrics from the registry that the embedding application has supplied. @throws Error of the registry */
  unregister(): void {
    for (const name of this.#registered.splice(0)) this.#host?.removeSingleMetric(name)
  }

  /** Returns the metrics as text, with the content type of the text. @param accept the `Accept` header of the request */
  async read(accept = ''): Promise<MetricsText> {
    if (this.#host) return { type: this.#host.contentType, body: await this.#host.metrics() }
    const asOpenMetrics = accept.includes(OPENMETRICS)
    let text = this.#underWay.get(asOpenMetrics)
    if (text === undefined) {
      text = this.#write(asOpenMetrics).finally(() => this.#underWay.delete(asOpenMetrics))
      this.#underWay.set(asOpenMetrics, text)
    }
    return text
  }

  async #write(asOpenMetrics: boolean): Promise<MetricsText> {
    const { Registry: Own } = (await import('prom-client')).default
    const registry = new Own() as Registry
    if (asOpenMetrics) registry.setContentType(Own.OPENMETRICS_CONTENT_TYPE as never)
    const texts: string[] = []
    for (const family of this.#families) texts.push(await textOf(registry, family, asOpenMetrics))
    const body = texts.join(asOpenMetrics ? '\n' : '\n\n')
    return { type: registry.contentType, body: asOpenMetrics ? `${body}\n# EOF\n` : `${body}\n` }
  }
}

/**
 * Returns the text of one metric. A metric with many series is written in several slices, because prom-client would otherwise
 * block the event loop.
 */
async function textOf(registry: Registry, family: MetricFamily, asOpenMetrics: boolean): Promise<string> {
  const values = family.values()
  // Remove `_total` from the name of a counter for OpenMetrics. In that format, only the counter's series have this ending.
  const name = asOpenMetrics && family.type === 'counter' ? family.name.replace(/_total$/, '') : family.name
  let text = ''
  for (let at = 0; at === 0 || at < values.length; at += SLICE) {
    const metric = asMetric({ ...family, name, values: () => values.slice(at, at + SLICE) })
    // Call a method that prom-client's types do not declare. The public `metrics()` of prom-client calls the same method.
    const piece = await (registry as Registry & TextMaker).getMetricsAsString(metric)
    // Keep the lines `# HELP` and `# TYPE` of the first slice only.
    text += at === 0 ? piece : piece.replace(/^(?:#.*\n)*/, '\n')
    if (values.length > SLICE) await nextTurn()
  }
  return text
}

interface TextMaker {
  getMetricsAsString(metric: object): Promise<string>
}

/**
 * Returns an object that a prom-client registry accepts as a metric. A metric class of prom-client would cost each request more
 * time than all metrics of this proxy.
 */
function asMetric({ name, help, type, values }: MetricFamily) {
  return {
    name,
    help,
    type,
    async get(): Promise<object> {
      // Read the name from this object at the last moment, because a registry for OpenMetrics changes the name.
      return { name: this.name, help, type, values: values() satisfies MetricValue[], aggregator: 'sum' }
    },
    reset() {},
  }
}
