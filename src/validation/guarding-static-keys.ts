/**
 * The keys of Traefik 1.7's static configuration that are guards, each with the kind of its value. Guards decide which clients
 * may come in, and which proxies in front may name the client address. `*` stands for a name that the operator chooses. If
 * `traefik.toml` has a guard that is not supported yet, the file is refused. Traefik also reads its static configuration from a
 * key-value store. If the store has any of these guards, the document from the store is refused. To add a guard, add a row.
 */
export const GUARDING_STATIC_KEYS = [
  ['entryPoints.*.tls', 'table'],
  ['entryPoints.*.redirect', 'table'],
  ['entryPoints.*.auth', 'table'],
  ['entryPoints.*.whiteList', 'table'],
  ['entryPoints.*.whitelistSourceRange', 'list'],
  ['entryPoints.*.proxyProtocol', 'table'],
  // Without this list of trusted proxies, white lists and rules would take the address of a proxy in front for the client's
  // address.
  ['entryPoints.*.forwardedHeaders.trustedIPs', 'list'],
  ['trustedProxies', 'list'],
  ['web.certFile', 'text'],
  ['web.keyFile', 'text'],
  ['web.readOnly', 'flag'],
  ['web.auth', 'table'],
  ['tls', 'table'],
  // Constraints are filters. They decide which frontends Traefik takes at all.
  ['constraints', 'list'],
  ['file.constraints', 'list'],
  ['etcd.constraints', 'list'],
  ['consul.constraints', 'list'],
  // `filename` names a template that makes the document from the keys of the store. That document may include guards.
  ['etcd.filename', 'text'],
  ['consul.filename', 'text'],
] as const

/** The keys at the top level of the static configuration, of Traefik 1.7 and of this proxy. They are spelt as in a file. */
export const STATIC_TOP_NAMES: readonly string[] = [
  ...['logLevel', 'debug', 'traefikLog', 'traefikLogsFile', 'accessLog', 'accessLogsFile', 'entryPoints'],
  ...[
    'defaultEntryPoints',
    'trustedProxies',
    'web',
    'api',
    'ping',
    'metrics',
    'file',
    'tls',
    'etcd',
    'consul',
  ],
  ...['http', 'providersThrottleDuration', 'lastGood', 'unsupportedFields', 'stickySecret', 'constraints'],
  ...['retry', 'respondingTimeouts', 'idleTimeout', 'forwardingTimeouts', 'lifeCycle', 'graceTimeOut'],
  ...['insecureSkipVerify', 'rootCAs', 'keepTrailingSlash', 'allowMinWeightZero', 'maxIdleConnsPerHost'],
  ...['healthcheck', 'hostResolver', 'tracing', 'cluster', 'acme', 'checkNewVersion', 'sendAnonymousUsage'],
  ...[
    'configFile',
    'boltdb',
    'consulCatalog',
    'docker',
    'dynamodb',
    'ecs',
    'eureka',
    'kubernetes',
    'marathon',
  ],
  ...['mesos', 'rancher', 'rest', 'serviceFabric', 'zookeeper'],
]

/** The keys of an entry point in the static configuration. They are spelt as in a file. */
export const ENTRY_POINT_NAMES: readonly string[] = [
  ...['address', 'compress', 'tls', 'redirect', 'auth', 'whiteList', 'whitelistSourceRange', 'proxyProtocol'],
  'forwardedHeaders',
]
