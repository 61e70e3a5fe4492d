import { GUARDING_STATIC_KEYS } from '../validation/guarding-static-keys.js'

/** The type of the value of a configuration key. `VALUE_KINDS` says how a value of each type is read. */
export type ValueKind =
  | 'text'
  | 'secret'
  | 'secrets'
  | 'path'
  | 'pem'
  | 'pems'
  | 'number'
  | 'numbers'
  | 'flag'
  | 'duration'
  | 'limit'
  | 'list'
  | 'table'

/** The definition of a key of the static configuration (`traefik.toml`). */
export interface StaticKey {
  /** The path of the configuration key in Traefik's spelling. The part `*` stands for a name that the operator chooses. */
  readonly path: string
  readonly kind: ValueKind
  /**
   * The option that gets the key's value, such as `options.timeouts.connectMs`. The first part names the receiver: `options` is
   * `createProxy`, `api` is the fetcher of the config API, and any other word is a provider. Other values:
   *
   * - `later`: the proxy does not support this key of Traefik yet. It ignores the key with a warning.
   * - `refused`: the proxy does not support this key yet and must not ignore it, so it reports an error. Most such keys keep
   *   requests out.
   * - `nothing`: the key has no effect, and the proxy needs none.
   * - Any other string says in words what the key is for.
   */
  readonly becomes: string
}

/**
 * All keys of the static configuration. To add a key, add a row, and describe it in docs/traefik-toml.md. The names of flags and
 * environment variables, and the suggestions for unknown names, follow from the rows.
 *
 * An unsupported key that keeps requests out stands in `GUARDING_STATIC_KEYS`. When the proxy supports the key, it gets a row
 * here.
 */
const ROWS: readonly (readonly [path: string, kind: ValueKind, becomes: string])[] = [
  ['logLevel', 'text', 'options.logLevel'],
  ['debug', 'flag', 'the log level debug'],
  ['traefikLog', 'table', 'the application log'],
  ['traefikLog.filePath', 'path', 'the application log'],
  ['traefikLog.format', 'text', 'the application log'],
  ['traefikLogsFile', 'path', 'the application log'],
  ['accessLog', 'table', 'the access log'],
  ['accessLog.filePath', 'path', 'options.accessLog.file'],
  ['accessLog.format', 'text', 'options.accessLog.format'],
  ['accessLog.bufferingSize', 'number', 'nothing'],
  ['accessLog.filters.statusCodes', 'list', 'options.accessLog.filters.statusCodes'],
  ['accessLog.filters.retryAttempts', 'flag', 'options.accessLog.filters.retryAttempts'],
  ['accessLog.filters.minDuration', 'duration', 'options.accessLog.filters.minDurationMs'],
  ['accessLog.fields.defaultMode', 'text', 'later'],
  ['accessLog.fields.names', 'table', 'later'],
  ['accessLog.fields.headers.defaultMode', 'text', 'options.accessLog.headers.default'],
  ['accessLog.fields.headers.names.*', 'text', 'options.accessLog.headers.names.*'],
  ['accessLogsFile', 'path', 'options.accessLog.file'],

  ['entryPoints.*.address', 'text', 'where an entry point listens'],
  ['entryPoints.*.forwardedHeaders.trustedIPs', 'list', 'trusted proxies of the entry point'],
  ['entryPoints.*.forwardedHeaders.insecure', 'flag', 'trusted proxies of the entry point'],
  ['entryPoints.*.compress', 'flag', 'refused'],
  ['defaultEntryPoints', 'list', 'the entry points of frontends that name none'],
  ['trustedProxies', 'list', 'options.trustedProxies'],

  ['web', 'table', 'the status server'],
  ['web.address', 'text', 'options.status.address'],
  ['web.token', 'secret', 'options.status.token'],
  ['web.metrics.prometheus.buckets', 'numbers', 'options.status.metrics.buckets'],
  ['web.metrics.prometheus.entryPoint', 'text', 'nothing'],
  ['web.metrics.datadog', 'table', 'later'],
  ['web.metrics.statsd', 'table', 'later'],
  ['web.metrics.influxdb', 'table', 'later'],
  ['web.statistics', 'table', 'later'],
  ['web.debug', 'flag', 'later'],
  ['web.path', 'text', 'later'],
  ['api', 'table', 'the status server'],
  ['api.entryPoint', 'text', 'where the status server listens'],
  ['api.token', 'secret', 'options.status.token'],
  ['api.dashboard', 'flag', 'nothing'],
  ['api.debug', 'flag', 'later'],
  ['api.statistics', 'table', 'later'],
  ['ping', 'table', 'the status server'],
  ['ping.entryPoint', 'text', 'where the status server listens'],
  ['metrics.prometheus', 'table', 'the status server'],
  ['metrics.prometheus.entryPoint', 'text', 'where the status server listens'],
  ['metrics.prometheus.buckets', 'numbers', 'options.status.metrics.buckets'],
  ['metrics.datadog', 'table', 'later'],
  ['metrics.statsd', 'table', 'later'],
  ['metrics.influxdb', 'table', 'later'],

  ['file', 'table', 'FileProvider'],
  ['file.filename', 'path', 'file.filename'],
  ['file.directory', 'path', 'file.directory'],
  ['file.watch', 'flag', 'file.watch'],
  ['file.allowEmpty', 'flag', 'file.allowEmpty'],
  ['file.trace', 'flag', 'later'],
  ['file.templateVersion', 'number', 'later'],
  ['file.debugLogGeneratedTemplate', 'flag', 'later'],
  ['frontends', 'table', 'the document of [file]'],
  ['backends', 'table', 'the document of [file]'],

  ['etcd', 'table', 'EtcdProvider, or EtcdAliasProvider'],
  ['etcd.endpoint', 'list', 'etcd.hosts'],
  ['etcd.prefix', 'text', 'etcd.prefix'],
  ['etcd.watch', 'flag', 'etcd.watch'],
  ['etcd.username', 'text', 'etcd.auth.username'],
  ['etcd.password', 'secret', 'etcd.auth.password'],
  ['etcd.tls', 'table', 'etcd.tls'],
  ['etcd.tls.ca', 'pem', 'etcd.tls.ca'],
  ['etcd.tls.cert', 'pem', 'etcd.tls.cert'],
  ['etcd.tls.key', 'pem', 'etcd.tls.key'],
  ['etcd.tls.insecureSkipVerify', 'flag', 'etcd.tls.insecureSkipVerify'],
  ['etcd.tls.caOptional', 'flag', 'nothing'],
  ['etcd.useAPIV3', 'flag', 'nothing, but for a warning at false'],
  ['etcd.aliasKey', 'text', 'etcd.aliasKey'],
  ['etcd.followTarget', 'flag', 'etcd.followTarget'],
  ['etcd.allowedPrefix', 'text', 'etcd.allowedPrefix'],
  ['etcd.allowEmpty', 'flag', 'etcd.allowEmpty'],
  ['etcd.api.url', 'text', 'api.url'],
  ['etcd.api.timeout', 'duration', 'api.timeoutMs'],
  ['etcd.api.headers.*', 'secret', 'api.headers.*'],
  ['etcd.api.requirePrefix', 'flag', 'api.requirePrefix'],
  ['etcd.api.tls.ca', 'pem', 'api.tls.ca'],
  ['etcd.api.tls.cert', 'pem', 'api.tls.cert'],
  ['etcd.api.tls.key', 'pem', 'api.tls.key'],
  ['etcd.trace', 'flag', 'later'],
  ['etcd.templateVersion', 'number', 'later'],
  ['etcd.debugLogGeneratedTemplate', 'flag', 'later'],

  ['consul', 'table', 'ConsulProvider'],
  ['consul.endpoint', 'text', 'consul.url'],
  ['consul.prefix', 'text', 'consul.prefix'],
  ['consul.watch', 'flag', 'consul.watch'],
  ['consul.token', 'secret', 'consul.token'],
  ['consul.tls', 'table', 'consul.tls'],
  ['consul.tls.ca', 'pem', 'consul.tls.ca'],
  ['consul.tls.cert', 'pem', 'consul.tls.cert'],
  ['consul.tls.key', 'pem', 'consul.tls.key'],
  ['consul.tls.insecureSkipVerify', 'flag', 'consul.tls.insecureSkipVerify'],
  ['consul.tls.caOptional', 'flag', 'nothing'],
  ['consul.aliasKey', 'text', 'consul.aliasKey'],
  ['consul.followTarget', 'flag', 'consul.followTarget'],
  ['consul.allowedPrefix', 'text', 'consul.allowedPrefix'],
  ['consul.allowEmpty', 'flag', 'consul.allowEmpty'],
  ['consul.username', 'text', 'later'],
  ['consul.password', 'secret', 'later'],
  ['consul.trace', 'flag', 'later'],
  ['consul.templateVersion', 'number', 'later'],
  ['consul.debugLogGeneratedTemplate', 'flag', 'later'],

  ['http', 'table', 'HttpProvider'],
  ['http.endpoint', 'text', 'http.url'],
  ['http.pollInterval', 'duration', 'http.pollIntervalMs'],
  ['http.pollTimeout', 'duration', 'http.timeoutMs'],
  ['http.headers.*', 'secret', 'http.headers.*'],
  ['http.allowEmpty', 'flag', 'http.allowEmpty'],
  ['http.tls', 'table', 'http.tls'],
  ['http.tls.ca', 'pem', 'http.tls.ca'],
  ['http.tls.cert', 'pem', 'http.tls.cert'],
  ['http.tls.key', 'pem', 'http.tls.key'],
  ['http.tls.insecureSkipVerify', 'flag', 'http.tls.insecureSkipVerify'],

  ['providersThrottleDuration', 'duration', 'throttleMs of every provider'],
  ['lastGood', 'path', 'options.lastGood'],
  ['unsupportedFields', 'text', 'options.unsupportedFields'],
  ['unsupportedFields.warn', 'list', 'options.unsupportedFields.warn'],
  ['stickySecret', 'secrets', 'options.stickySecret'],

  ['retry', 'table', 'options.retry'],
  ['retry.attempts', 'number', 'options.retry.attempts'],
  ['respondingTimeouts.idleTimeout', 'limit', 'options.timeouts.keepAliveMs'],
  ['respondingTimeouts.readTimeout', 'limit', 'later'],
  ['respondingTimeouts.writeTimeout', 'limit', 'later'],
  ['idleTimeout', 'limit', 'options.timeouts.keepAliveMs'],
  ['forwardingTimeouts.dialTimeout', 'limit', 'options.timeouts.connectMs'],
  ['forwardingTimeouts.responseHeaderTimeout', 'limit', 'options.timeouts.responseHeadMs'],
  ['lifeCycle.graceTimeOut', 'duration', 'drainMs'],
  ['lifeCycle.requestAcceptGraceTimeout', 'duration', 'acceptMs'],
  ['graceTimeOut', 'duration', 'drainMs'],
  ['insecureSkipVerify', 'flag', 'options.upstreamTls.insecureSkipVerify'],
  ['rootCAs', 'pems', 'options.upstreamTls.ca'],
  ['keepTrailingSlash', 'flag', 'options.keepTrailingSlash'],
  ['allowMinWeightZero', 'flag', 'nothing, but for a warning at false'],
  ['maxIdleConnsPerHost', 'number', 'later'],
  ['healthcheck', 'table', 'later'],
  ['hostResolver', 'table', 'later'],
  ['tracing', 'table', 'later'],
  ['cluster', 'table', 'later'],
  ['acme', 'table', 'later'],
  ['checkNewVersion', 'flag', 'nothing'],
  ['sendAnonymousUsage', 'flag', 'nothing'],
  ['configFile', 'path', 'nothing: it is the flag that says which file is read'],

  ...[
    ...['boltdb', 'consulCatalog', 'docker', 'dynamodb', 'ecs', 'eureka', 'kubernetes', 'marathon', 'mesos'],
    ...['rancher', 'rest', 'serviceFabric', 'zookeeper'],
  ].map((provider) => [provider, 'table', 'later'] as const),
]

/** Configuration keys that keep requests out and that the proxy does not support yet: they have no row in `ROWS`. */
const REFUSED = GUARDING_STATIC_KEYS.filter(([path]) => !ROWS.some(([own]) => own === path))

/** The definitions of all keys of the static configuration, by the path of the key. */
export const STATIC_KEYS: ReadonlyMap<string, StaticKey> = new Map([
  ...ROWS.map(([path, kind, becomes]) => [path, { path, kind, becomes }] as const),
  ...REFUSED.map(([path, kind]) => [path, { path, kind, becomes: 'refused' }] as const),
])

/** Maps each older name of a configuration key to the current name. */
export const OLD_NAMES: ReadonlyMap<string, string> = new Map([
  ['traefikLogsFile', 'traefikLog.filePath'],
  ['accessLogsFile', 'accessLog.filePath'],
  ['idleTimeout', 'respondingTimeouts.idleTimeout'],
  ['graceTimeOut', 'lifeCycle.graceTimeOut'],
  ['web.token', 'api.token'],
  ['web.metrics.prometheus.buckets', 'metrics.prometheus.buckets'],
])

/** Tells whether a configuration key belongs to the document of frontends and backends that a `traefik.toml` may contain. */
export function isOfDocument({ path }: StaticKey): boolean {
  return path === 'frontends' || path === 'backends'
}

/**
 * Tells whether the proxy looks for no further configuration keys below this one: it does not support the key, or the key is
 * `frontends` or `backends`.
 */
export function isOpaque(key: StaticKey): boolean {
  return key.becomes === 'later' || key.becomes === 'refused' || isOfDocument(key)
}
