import { onlyKnownOptions, positiveOption } from '../base/known-options.js'
import { describeValue } from '../base/messages.js'
import { ProxyError } from '../model/errors.js'
import type { MetricsOptions } from './metrics.js'

/** What can be seen from outside, and by whom. */
export interface StatusOptions {
  /**
   * Where the status server listens: `host:port`, `[::1]:port`, or `:port`, which is on 127.0.0.1. `0.0.0.0:8080` lets
   * everybody in; give a `token` with it. Default: it does not listen; mount `proxy.statusHandler` in a server of the host's.
   */
  readonly address?: string
  /** What callers must send as `Authorization: Bearer ...`. `/ping` and `/ready` need none. Default: nothing is asked for. */
  readonly token?: string
  /** Whether `/ready` says 503 also while a provider is unavailable or serves what was kept. Default false. */
  readonly unreadyWhileStale?: boolean
  readonly metrics?: MetricsOptions
}

const OPTIONS = ['address', 'token', 'unreadyWhileStale', 'metrics'] as const
const METRICS = ['registry', 'prefix', 'buckets', 'maxBackends'] as const

/** @throws ProxyError `PROXY_OPTION_INVALID` that names the option, what was found and what was expected */
export function checkStatusOptions(options: StatusOptions): void {
  onlyKnownOptions(options, OPTIONS, 'status.')
  const { address, token, unreadyWhileStale = false, metrics = {} } = options
  if (address !== undefined) parseStatusAddress(address)
  // `token: process.env.TOKEN` of a variable that is not set would let everybody in.
  if ('token' in options && !(typeof token === 'string' && /^[\x21-\x7e]+$/.test(token))) {
    const message = 'status.token: expected a text of visible ASCII characters without blanks'
    throw invalid(
      `${message}, found ${typeof token === 'string' ? 'another text' : describeValue(token)}; leave it out to ask for none`,
    )
  }
  if (typeof unreadyWhileStale !== 'boolean')
    throw invalid(
      `status.unreadyWhileStale: expected true or false, found ${describeValue(unreadyWhileStale)}`,
    )
  checkMetrics(metrics)
}

function checkMetrics(metrics: MetricsOptions): void {
  if (typeof metrics !== 'object' || metrics === null)
    throw invalid(`status.metrics: expected an object, found ${describeValue(metrics)}`)
  onlyKnownOptions(metrics, METRICS, 'status.metrics.')
  const { registry, prefix = '', buckets = [], maxBackends } = metrics
  if (registry !== undefined && typeof registry?.registerMetric !== 'function')
    throw invalid('status.metrics.registry: expected a Registry of prom-client')
  if (!/^([a-zA-Z_:][\w:]*)?$/.test(prefix))
    throw invalid(
      `status.metrics.prefix: expected the beginning of a metric's name, found ${describeValue(prefix)}`,
    )
  const ascend = (bound: unknown, place: number) =>
    typeof bound === 'number' &&
    bound > (place === 0 ? 0 : Number(buckets[place - 1])) &&
    Number.isFinite(bound)
  if (!Array.isArray(buckets) || !buckets.every(ascend) || metrics.buckets?.length === 0)
    throw invalid('status.metrics.buckets: expected seconds above 0, ascending, one at least')
  if (maxBackends !== undefined) positiveOption(maxBackends, 'status.metrics.maxBackends')
}

/** A host and a port as Traefik writes them. @throws ProxyError `PROXY_OPTION_INVALID` */
export function parseStatusAddress(text: string): { readonly host: string; readonly port: number } {
  const [, bracketed, plain, port = ''] = /^(?:\[([^\]]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(String(text)) ?? []
  if (port === '' || Number(port) > 65_535)
    throw invalid(`status.address: expected host:port or :port, found ${describeValue(text)}`)
  return { host: bracketed || plain || '127.0.0.1', port: Number(port) }
}

function invalid(message: string): ProxyError {
  return new ProxyError('PROXY_OPTION_INVALID', message)
}
