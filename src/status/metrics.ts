import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Registry } from 'prom-client'
import { asError, ProxyError } from '../model/errors.js'
import { type MetricFamily, type MetricSources, type MetricValue, metricFamilies } from './metric-families.js'

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

/** Metrics as text, and what kind of text it is. */
export interface MetricsText {
  readonly type: string
  readonly body: string
}

const OPENMETRICS = 'application/openmetrics-text'
/** As many series become text in one turn of the event loop. */
const SLICE = 5_000

/** The metrics as text, for Prometheus (0.0.4) or OpenMetrics (1.0.0). Nothing is worked out before somebody asks. */
export class Metrics {
  readonly #families: readonly MetricFamily[]
  readonly #host: Registry | undefined
  readonly #registered: string[] = []
  /** By what was asked for: who asks meanwhile gets the same. */
  readonly #underWay = new Map<boolean, Promise<MetricsText>>()

  constructor(sources: MetricSources, { registry, prefix = 'switchover_' }: MetricsOptions = {}) {
    this.#families = metricFamilies(sources, prefix)
    this.#host = registry
  }

  /** Puts ours into the host's registry, all of them or none. @throws what the registry throws: a name is taken */
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
      const message = `metrics.registry: ${asError(error).message} Give this proxy a prefix of its own (status.metrics.prefix)`
      throw new ProxyError('PROXY_OPTION_INVALID', message, { cause: error })
    }
  }

  /** Takes them out again. @throws what the registry throws */
  unregister(): void {
    for (const name of this.#registered.splice(0)) this.#host?.removeSingleMetric(name)
  }

  /** @param accept the header of whoever asks */
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

/** What the registry makes of a metric; in slices, for it would make it of all its series at once. */
async function textOf(registry: Registry, family: MetricFamily, asOpenMetrics: boolean): Promise<string> {
  const values = family.values()
  // OpenMetrics names a counter without what ends its series.
  const name = asOpenMetrics && family.type === 'counter' ? family.name.replace(/_total$/, '') : family.name
  let text = ''
  for (let at = 0; at === 0 || at < values.length; at += SLICE) {
    const metric = asMetric({ ...family, name, values: () => values.slice(at, at + SLICE) })
    // Not among its types, though what `metrics()` is made of.
    const piece = await (registry as Registry & TextMaker).getMetricsAsString(metric)
    // The help and the type stand before the first alone.
    text += at === 0 ? piece : piece.replace(/^(?:#.*\n)*/, '\n')
    if (values.length > SLICE) await nextTurn()
  }
  return text
}

interface TextMaker {
  getMetricsAsString(metric: object): Promise<string>
}

/** What a registry takes for a metric of its own: prom-client's would cost each request more than all of ours. */
function asMetric({ name, help, type, values }: MetricFamily) {
  return {
    name,
    help,
    type,
    async get(): Promise<object> {
      // By its name of now: a registry of OpenMetrics changes it.
      return { name: this.name, help, type, values: values() satisfies MetricValue[], aggregator: 'sum' }
    },
    reset() {},
  }
}
