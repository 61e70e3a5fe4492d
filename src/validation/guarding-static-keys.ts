/**
 * What guards in Traefik 1.7's static configuration, with the kind of its value: who may come in, and whom to believe in that.
 * `*` stands for a name of the file's own. A traefik.toml is refused for one that is not built yet. In a store, where
 * Traefik reads its static configuration too, each refuses the document. Adding a guard is adding a row.
 */
export const GUARDING_STATIC_KEYS = [
  ['entryPoints.*.tls', 'table'],
  ['entryPoints.*.redirect', 'table'],
  ['entryPoints.*.auth', 'table'],
  ['entryPoints.*.whiteList', 'table'],
  ['entryPoints.*.whitelistSourceRange', 'list'],
  ['entryPoints.*.proxyProtocol', 'table'],
  // Without them a proxy in front stands for all its clients, in white lists and in rules.
  ['entryPoints.*.forwardedHeaders.trustedIPs', 'list'],
  ['trustedProxies', 'list'],
  ['web.certFile', 'text'],
  ['web.keyFile', 'text'],
  ['web.readOnly', 'flag'],
  ['web.auth', 'table'],
  ['tls', 'table'],
  // Which frontends are taken at all.
  ['constraints', 'list'],
  ['file.constraints', 'list'],
  ['etcd.constraints', 'list'],
  ['consul.constraints', 'list'],
  // Templates: what they would make of the keys may hold anything.
  ['etcd.filename', 'text'],
  ['consul.filename', 'text'],
] as const

/** Names at the top of Traefik 1.7's static configuration, and of ours, as they are written in a file. */
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

/** Names in an entry point, as they are written in a file. */
export const ENTRY_POINT_NAMES: readonly string[] = [
  ...['address', 'compress', 'tls', 'redirect', 'auth', 'whiteList', 'whitelistSourceRange', 'proxyProtocol'],
  'forwardedHeaders',
]
