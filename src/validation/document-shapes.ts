/**
 * The fields of one kind of object in a document. `now` are built. `later` are Traefik 1.7's other fields. They are refused until
 * they are built, because a proxy that ignored `auth` would let every client in. A field on neither list is a mistake.
 */
export interface Shape {
  readonly now: readonly string[]
  readonly later: readonly string[]
}

export const DOCUMENT: Shape = {
  now: ['version', 'prefix', 'frontends', 'backends'],
  later: ['tls'],
}

export const FRONTEND: Shape = {
  now: ['backend', 'rule', 'routes', 'priority', 'entryPoints', 'passHostHeader', 'whiteList'],
  later: [
    'passTLSCert',
    'passTLSClientCert',
    'auth',
    'basicAuth',
    'whitelistSourceRange',
    'redirect',
    'errors',
    'ratelimit',
    'headers',
  ],
}

export const ROUTE: Shape = { now: ['rule'], later: [] }

export const WHITE_LIST: Shape = { now: ['sourceRange', 'useXForwardedFor'], later: [] }

export const BACKEND: Shape = {
  now: [
    'servers',
    'loadBalancer',
    'buffering',
    'healthCheck',
    'outlierDetection',
    'slowStart',
    'circuitBreaker',
    'maxConn',
    'queue',
    'strictDns',
  ],
  later: ['responseForwarding'],
}

export const CIRCUIT_BREAKER: Shape = {
  now: ['expression', 'fallbackDuration', 'recoveryDuration'],
  later: [],
}

export const MAX_CONN: Shape = { now: ['amount', 'extractorFunc'], later: [] }

export const QUEUE: Shape = { now: ['size', 'timeout'], later: [] }

export const STRICT_DNS: Shape = { now: ['interval'], later: [] }

export const HEALTH_CHECK: Shape = {
  now: [
    'path',
    'scheme',
    'port',
    'hostname',
    'headers',
    'interval',
    'timeout',
    'status',
    'body',
    'unhealthyThreshold',
    'healthyThreshold',
  ],
  later: [],
}

export const OUTLIER_DETECTION: Shape = {
  now: [
    'consecutiveFailures',
    'failureShare',
    'minimumRequests',
    'interval',
    'ejectionTime',
    'maxEjectionTime',
    'maxEjectedShare',
  ],
  later: [],
}

export const SERVER: Shape = { now: ['url', 'weight', 'maxConnections'], later: ['tags'] }

export const LOAD_BALANCER: Shape = { now: ['method', 'hashBy', 'stickiness', 'sticky'], later: [] }

export const STICKINESS: Shape = { now: ['cookieName', 'secure', 'httpOnly', 'sameSite'], later: [] }

export const BUFFERING: Shape = {
  now: ['maxRequestBodyBytes'],
  later: ['maxResponseBodyBytes', 'memRequestBodyBytes', 'memResponseBodyBytes', 'retryExpression'],
}

/** Names that reach a prototype in careless code. No document needs them, so none may use them. */
export const RESERVED_NAMES: readonly string[] = ['__proto__', 'constructor', 'prototype']
