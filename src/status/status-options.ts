import { flagOption, onlyKnownOptions, positiveOption } from '../base/known-options.js'
import { describeValue } from '../base/messages.js'
import { ProxyError } from '../model/errors.js'
import type { MetricsOptions } from './metrics.js'

/**
 * Options of the status server, which shows the state of the proxy as JSON, metrics, events and a dashboard.
 *
 * @throws ProxyError `PROXY_OPTION_INVALID` from `createProxy` if an option is wrong
 * @example
 * ```ts
 * const status: StatusOptions = { address: ':8080', token: 'a-long-random-token' }
 * const proxy = createProxy({ config, status })
 * ```
 */
export interface StatusOptions {
  /**
   * The address that the status server listens on: `host:port`, `[::1]:port` or `:port`. `:8080` listens on 127.0.0.1.
   * `0.0.0.0:8080` is open to every network, so set a `token` too. Without an address the status server opens no port. The
   * application that embeds the proxy then mounts `proxy.statusHandler` in an HTTP server of its own.
   *
   * @default undefined
   * @example
   * ```ts
   * const proxy = createProxy({ config, status: { address: '127.0.0.1:8080' } })
   * const { url } = await proxy.statusAddress()
   * ```
   */
  readonly address?: string
  /**
   * The token that clients of the status server must send as `Authorization: Bearer TOKEN`. `/ping` and `/ready` need none.
   * Without this option no token is required.
   *
   * @default undefined
   */
  readonly token?: string
  /**
   * If true, `/ready` also answers 503 while a provider is unavailable. The same applies while a provider serves the last good
   * configuration of an earlier run of the process.
   *
   * @default false
   */
  readonly unreadyWhileStale?: boolean
  /**
   * Options of the metrics that the status server shows under `/metrics`.
   *
   * @default {}
   */
  readonly metrics?: MetricsOptions
}

const OPTIONS = ['address', 'token', 'unreadyWhileStale', 'metrics'] as const
const METRICS = ['registry', 'prefix', 'buckets', 'maxBackends'] as const

/**
 * Checks the options of the status server.
 *
 * @throws ProxyError `PROXY_OPTION_INVALID` that names the option, the value found and the value expected
 */
export function checkStatusOptions(options: StatusOptions): void {
  onlyKnownOptions(options, OPTIONS, 'status.')
  const { address, token, unreadyWhileStale = false, metrics = {} } = options
  if (address !== undefined) parseStatusAddress(address)
  // Refuse an option `token` that is set to undefined. In `token: process.env.TOKEN` the variable may be missing, and then every
  // client would get in.
  if ('token' in options && !(typeof token === 'string' && /^[\x21-\x7e]+$/.test(token))) {
    const message = 'status.token: expected a text of visible ASCII characters without spaces'
    throw invalid(
      `${message}, found ${typeof token === 'string' ? 'another text' : describeValue(token)}; leave the option out to require no token`,
    )
  }
  flagOption(unreadyWhileStale, 'status.unreadyWhileStale')
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
      `status.metrics.prefix: expected a prefix for names of metrics, found ${describeValue(prefix)}`,
    )
  const ascend = (bound: unknown, place: number) =>
    typeof bound === 'number' &&
    bound > (place === 0 ? 0 : Number(buckets[place - 1])) &&
    Number.isFinite(bound)
  if (!Array.isArray(buckets) || !buckets.every(ascend) || metrics.buckets?.length === 0)
    throw invalid('status.metrics.buckets: expected at least one bound, in seconds above 0, ascending')
  if (maxBackends !== undefined) positiveOption(maxBackends, 'status.metrics.maxBackends')
}

/** Parses an address to listen on, in Traefik's notation `host:port` or `:port`. @throws ProxyError `PROXY_OPTION_INVALID` */
export function parseStatusAddress(text: string): { readonly host: string; readonly port: number } {
  const [, bracketed, plain, port = ''] = /^(?:\[([^\]]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(String(text)) ?? []
  if (port === '' || Number(port) > 65_535)
    throw invalid(`status.address: expected host:port or :port, found ${describeValue(text)}`)
  return { host: bracketed || plain || '127.0.0.1', port: Number(port) }
}

function invalid(message: string): ProxyError {
  return new ProxyError('PROXY_OPTION_INVALID', message)
}
