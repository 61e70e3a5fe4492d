import { count, duration, later, named, number, object, share, text } from '../base/schema.js'
import { LIMITS_NOTHING } from '../base/why-it-guards.js'
import type {
  Backend,
  Buffering,
  CircuitBreakerConfig,
  MaxConn,
  OutlierDetectionConfig,
  QueueConfig,
  StrictDnsConfig,
} from '../model/backend.js'
import { parseCircuitExpression } from '../rules/circuit-expression.js'
import { HEALTH_CHECK } from './health-check-schema.js'
import { LOAD_BALANCER } from './load-balancer-schema.js'
import { METADATA } from './metadata-schema.js'
import { SERVER } from './server-schema.js'

const BUFFERING = object<Buffering>(
  {
    type: 'Buffering',
    meaning: 'Limits on bodies. The name comes from Traefik. The proxy buffers no body.',
  },
  {
    maxRequestBodyBytes: number({
      unit: 'bytes',
      meaning: "Bytes of a request's body. Larger ones get 413. 0 and less mean the default.",
      defaultMeaning: 'the option `limits.bodyBytes`',
      isWhole: true,
      expected: 'a whole number',
      guard: LIMITS_NOTHING,
    }),
  },
  {
    maxResponseBodyBytes: later(
      "Bytes of a response's body.",
      'without it nothing limits what a server may answer',
    ),
    memRequestBodyBytes: later('Bytes of a request that are kept in memory.'),
    memResponseBodyBytes: later('Bytes of a response that are kept in memory.'),
    retryExpression: later('When a buffered request is sent again.'),
  },
)

const OUTLIER_DETECTION = object<OutlierDetectionConfig>(
  {
    type: 'OutlierDetectionConfig',
    meaning: "When a server is ejected, and for how long. Source: Envoy's outlier detection.",
    isOnWhenEmpty: true,
  },
  {
    consecutiveFailures: count({
      unit: 'failures',
      meaning:
        'Consecutive failures after which a server is ejected: a response of 500 or more, or no response.',
      default: 5,
    }),
    failureShare: share({
      meaning: 'Share of failed requests in an interval from which on a server is ejected, from 0 to 1.',
      default: 1,
    }),
    minimumRequests: count({
      unit: 'requests',
      meaning: 'The number of requests in an interval below which `failureShare` does not count.',
      default: 20,
    }),
    interval: duration({ meaning: 'The time over which `failureShare` is measured.', default: '10s' }),
    ejectionTime: duration({
      meaning:
        'The time of a first ejection. Each next one lasts twice as long, until the server has stayed in rotation for ' +
        'longer than `maxEjectionTime`.',
      default: '10s',
    }),
    maxEjectionTime: duration({ meaning: 'The longest time of an ejection.', default: '300s' }),
    maxEjectedShare: share({
      meaning:
        'Share of the servers that may be ejected at a time, from 0 to 1, rounded down: with two servers, a share below 0.5 is none. One server always stays.',
      default: 0.5,
    }),
  },
)

const CIRCUIT_BREAKER = object<CircuitBreakerConfig>(
  {
    type: 'CircuitBreakerConfig',
    meaning: 'When a circuit breaker keeps requests from a backend. Source: Traefik 1.7 `circuitBreaker`.',
  },
  {
    expression: text({
      meaning:
        'The breaker trips when this expression holds over the last ten seconds. Requests then get 503 (`PROXY_CIRCUIT_OPEN`).',
      required: { expected: 'an expression, like NetworkErrorRatio() > 0.5' },
      check: (expression) => {
        const parsed = parseCircuitExpression(expression)
        return typeof parsed === 'string' ? parsed : undefined
      },
    }),
    fallbackDuration: duration({
      meaning: 'How long the tripped breaker lets no request pass.',
      default: '10s',
      traefik: false,
    }),
    recoveryDuration: duration({
      meaning: 'How long the recovering breaker needs until it lets all requests pass again.',
      default: '10s',
      traefik: false,
    }),
  },
)

const MAX_CONN = object<MaxConn>(
  {
    type: 'MaxConn',
    meaning: 'A limit on the requests under way that share a key. Source: Traefik 1.7 `maxConn`.',
  },
  {
    amount: count({
      unit: 'requests',
      meaning: 'The number of requests under way for each key. More get 429 (`PROXY_TOO_MANY_REQUESTS`).',
      required: { expected: 'a whole number of 1 or more' },
    }),
    extractorFunc: text({
      meaning: 'The key: `request.host`, `client.ip` or `request.header.NAME`.',
      default: 'request.host',
      isName: true,
      pattern: /^(request\.host|client\.ip|request\.header\..+)$/,
      expected: 'request.host, client.ip or request.header.NAME',
    }),
  },
)

const QUEUE = object<QueueConfig>(
  {
    type: 'QueueConfig',
    meaning: 'The limits of a request queue. Requests leave it in the order in which they came.',
    isOnWhenEmpty: true,
  },
  {
    size: number({
      unit: 'requests',
      meaning: 'The number of requests that may wait. More get 503 (`PROXY_SERVERS_BUSY`).',
      default: 100,
      isWhole: true,
      least: 0,
      most: 1_000_000,
      expected: 'a whole number from 0 to 1000000',
    }),
    timeout: duration({ meaning: 'How long a request may wait. After that it gets 503.', default: '10s' }),
  },
)

const STRICT_DNS = object<StrictDnsConfig>(
  {
    type: 'StrictDnsConfig',
    meaning: "How the names of servers are looked up. Source: Envoy's strict DNS.",
    isOnWhenEmpty: true,
  },
  {
    interval: duration({ meaning: 'The time between two lookups, varied by up to a tenth.', default: '30s' }),
  },
)

/** A backend, as a document declares it. */
export const BACKEND = object<Backend>(
  { type: 'Backend', meaning: 'A named group of servers, and how requests are balanced over them.' },
  {
    servers: named({
      meaning: 'The servers by name. A backend without servers answers with 503.',
      required: { expected: 'an object with names as keys' },
      of: SERVER,
    }),
    loadBalancer: {
      ...LOAD_BALANCER,
      meaning: 'How requests are balanced over the servers.',
      defaultMeaning: 'weighted round robin',
    },
    buffering: { ...BUFFERING, meaning: 'Limits on bodies.', defaultMeaning: 'none of its own' },
    healthCheck: {
      ...HEALTH_CHECK,
      meaning: "Checks of each server's health. A server whose checks fail is out of rotation.",
      defaultMeaning: 'no checks',
    },
    outlierDetection: {
      ...OUTLIER_DETECTION,
      meaning: 'Takes a server out of rotation when requests to it fail.',
      defaultMeaning: 'only a server that cannot be connected to is taken out',
      traefik: false,
    },
    circuitBreaker: {
      ...CIRCUIT_BREAKER,
      meaning: 'Refuses all requests to the backend for a while when too many of them fail.',
      defaultMeaning: 'none',
    },
    maxConn: {
      ...MAX_CONN,
      meaning: 'Limits the requests under way for each host, client or header value. More get 429.',
      defaultMeaning: 'no limit',
      guard: LIMITS_NOTHING,
    },
    queue: {
      ...QUEUE,
      meaning:
        'The request queue. Requests wait in it while every server has as many as its `maxConnections` allows.',
      traefik: false,
    },
    slowStart: duration({
      meaning: 'The time over which a server that is new, or back in rotation, grows to its full weight.',
      defaultMeaning: 'at once',
      traefik: false,
    }),
    strictDns: {
      ...STRICT_DNS,
      meaning: 'Looks up the names of servers on a timer. Each address then counts as one server.',
      defaultMeaning: 'a name counts as one server',
      traefik: false,
    },
    metadata: METADATA,
  },
  { responseForwarding: later('How long a response may wait in a buffer.') },
)
