import type { EngineOptions } from '../engine/engine-options.js'
import type { EntryPointOptions } from '../entry-points/entry-point-options.js'
import type { ProviderConfig } from '../model/config.js'
import type { ConfigCache, Provider } from '../model/provider.js'
import type { AccessLogOptions } from '../status/access-log.js'
import type { Logger, LogLevel } from '../status/log-levels.js'
import type { StatusOptions } from '../status/status-options.js'

/**
 * Options of `createProxy`, which throws if an option is unknown. Either `providers` or `config` is required.
 *
 * @example
 * createProxy({
 *   providers: [new FileProvider({ filename: '/etc/switchover/routes.toml' })],
 *   trustedProxies: ['10.0.0.0/8'],
 *   timeouts: { connectMs: 2_000 },
 *   status: { address: ':8080' },
 * })
 */
export interface ProxyOptions extends EngineOptions {
  /**
   * The sources of configuration documents. The proxy merges their documents. Each provider needs a different name.
   *
   * @default none
   */
  readonly providers?: readonly Provider[]
  /**
   * The entry points, keyed by their names: the address of each, and options that replace those of the whole proxy there.
   * `listen(name)` opens the listener. `setEntryPoints` replaces them while the proxy runs.
   *
   * @default {}
   * @example { public: { address: ':8000' }, internal: { address: 'unix:/run/proxy.sock', mode: 0o660, trustedProxies: ['unix'] } }
   */
  readonly entryPoints?: Readonly<Record<string, EntryPointOptions>>
  /** One fixed configuration document, in place of a `StaticProvider`. `createProxy` throws if it is invalid. @default none */
  readonly config?: ProviderConfig
  /**
   * Where the last good configuration of each provider is stored: the path of a file, or a cache object of the application. If a
   * provider's source is down when the proxy starts, the proxy serves the stored configuration.
   *
   * @default none
   * @example '/var/lib/switchover/last-good.json'
   */
  readonly lastGood?: string | ConfigCache
  /**
   * The status server with its JSON API, metrics, events and dashboard. Without `address`, for example with `{}`, the proxy opens
   * no listener for it. The application then serves it with `statusHandler`.
   *
   * @default none
   * @example { address: '127.0.0.1:8080', token: 'a-long-random-text' }
   */
  readonly status?: StatusOptions
  /** The access log, which gets one line for each request. @default none */
  readonly accessLog?: AccessLogOptions
  /**
   * The lowest level at which the application log reports new configurations, rejected configurations and outages of providers.
   *
   * @default "info" with a `logger`, else "off"
   */
  readonly logLevel?: LogLevel
  /** The logger of the application, an object with the methods of pino. @default the standard error stream */
  readonly logger?: Logger
  /**
   * A signal that closes the proxy when it aborts. The proxy then closes as by `close()` without options.
   *
   * @default none
   */
  readonly signal?: AbortSignal
}
