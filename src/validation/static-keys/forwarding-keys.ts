import { SHARED } from './shared-texts.js'
import { duration, flag, keysOf, later, limit, number, oldNameOf, pems, table } from './static-key.js'

/** The keys of requests: retries, time limits, TLS to servers, paths. */
export const FORWARDING_KEYS = keysOf(
  'Requests',
  { reload: 'restart' },
  {
    retry: table(
      'options.retry',
      'Sends a request again that got no response. The proxy does so without this table too. Traefik: only with it.',
    ),
    'retry.attempts': number(
      'options.retry.attempts',
      'The most times that a request is sent, the first time included, as in Traefik. 0 is the default. Traefik: the number of servers.',
      { default: 3 },
    ),
    'respondingTimeouts.idleTimeout': limit(
      'options.timeouts.keepAliveMs',
      'The idle timeout of a client\'s connection. Traefik: default `"180s"`.',
      { default: '65s' },
    ),
    'respondingTimeouts.readTimeout': later(
      'limit',
      'The time limit for receiving a request. See [limits.md](limits.md) for the existing limits.',
    ),
    'respondingTimeouts.writeTimeout': later('limit', 'The time limit for sending a response.'),
    idleTimeout: oldNameOf('respondingTimeouts.idleTimeout'),
    'forwardingTimeouts.dialTimeout': limit(
      'options.timeouts.connectMs',
      'The time limit for connecting to a server. Traefik: default `"30s"`.',
      { default: '10s' },
    ),
    'forwardingTimeouts.responseHeaderTimeout': limit(
      'options.timeouts.responseHeadMs',
      "The time limit for the head of a server's response. Traefik: no limit by default.",
      { default: '60s' },
    ),
    insecureSkipVerify: flag(
      'options.upstreamTls.insecureSkipVerify',
      'If true, any certificate of a server is accepted.',
      { default: false },
    ),
    rootCAs: pems('options.upstreamTls.ca', 'The certificate authorities to trust for `https` servers.', {
      defaultMeaning: SHARED.nodesRoots,
    }),
    keepTrailingSlash: flag(
      'options.keepTrailingSlash',
      'Whether `/a` and `/a/` are two paths in rules. Traefik: default `false`.',
      { default: true },
    ),
    allowMinWeightZero: flag(
      'nothing, but for a warning at false',
      'A server of weight 0 never gets new requests. Traefik: default `false`.',
    ),
    maxIdleConnsPerHost: later('number', 'The most idle connections to a server. Traefik: default 200.'),
    healthcheck: later('table', 'The default interval of health checks. Traefik: `"30s"`.'),
    hostResolver: later('table', 'Follows CNAME records when it compares host names.'),
  },
)

/** The keys of the end of the process. */
export const SHUTDOWN_KEYS = keysOf(
  'Shutdown',
  { reload: 'applied' },
  {
    'lifeCycle.graceTimeOut': duration('drainMs', 'The time that unfinished requests get to finish.', {
      default: '10s',
    }),
    'lifeCycle.requestAcceptGraceTimeout': duration(
      'acceptMs',
      'For this time the proxy accepts requests after `SIGTERM`, while `/ready` and `/ping` say 503 ([shutdown](operations.md#shutdown)).',
      { default: '0s' },
    ),
    graceTimeOut: oldNameOf('lifeCycle.graceTimeOut'),
  },
)
