/**
 * The guards in Traefik 1.7's static configuration, each with the kind of its value. They decide which clients may come in, and
 * which peers are believed about that. `*` stands for a name that the file chooses. A traefik.toml is refused for a guard that is
 * not built yet. Traefik reads its static configuration from a store too. There, every guard refuses the document. A new guard is
 * one row.
 */
export const GUARDING_STATIC_KEYS = [
  ['entryPoints.*.tls', 'table'],
  ['entryPoints.*.redirect', 'table'],
  ['entryPoints.*.auth', 'table'],
  ['entryPoints.*.whiteList', 'table'],
  ['entryPoints.*.whitelistSourceRange', 'list'],
  ['entryPoints.*.proxyProtocol', 'table'],
  // Without this list, every client behind a proxy in front would have that proxy's address in white lists and rules.
  ['entryPoints.*.forwardedHeaders.trustedIPs', 'list'],
  ['trustedProxies', 'list'],
  ['web.certFile', 'text'],
  ['web.keyFile', 'text'],
  ['web.readOnly', 'flag'],
  ['web.auth', 'table'],
  ['tls', 'table'],
  // Constraints decide which frontends are taken at all.
  ['constraints', 'list'],
  ['file.constraints', 'list'],
  ['etcd.constraints', 'list'],
  ['consul.constraints', 'list'],
  // With a template, the document depends on what the template makes of the keys, which may include guards.
  ['etcd.filename', 'text'],
  ['consul.filename', 'text'],
] as const

/** The keys at the top of Traefik 1.7's static configuration and of ours, in the spelling of a file. */
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

/** The keys of an entry point, in the spelling of a file. */
export const ENTRY_POINT_NAMES: readonly string[] = [
  ...['address', 'compress', 'tls', 'redirect', 'auth', 'whiteList', 'whitelistSourceRange', 'proxyProtocol'],
  'forwardedHeaders',
]
