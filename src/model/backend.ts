import type { Metadata } from './metadata.js'

/** A named group of servers, and how requests are balanced over them. */
export interface Backend {
  /** The servers by name. A request to a backend without servers gets 503. */
  readonly servers: Readonly<Record<string, Server>>
  /** How requests are balanced over the servers. @default weighted round robin */
  readonly loadBalancer?: LoadBalancer
  /** Limits on the bodies of requests to the backend. @default the limits of the proxy */
  readonly buffering?: Buffering
  /** Health checks of each server. A server whose checks fail is taken out of rotation. @default no checks */
  readonly healthCheck?: HealthCheck
  /**
   * Outlier detection: takes a server out of rotation when requests to it fail.
   *
   * @default a server is taken out only if the proxy cannot connect to it
   */
  readonly outlierDetection?: OutlierDetectionConfig
  /** Circuit breaker: refuses all requests to the backend for a while when too many of them fail. @default no circuit breaker */
  readonly circuitBreaker?: CircuitBreakerConfig
  /** Limits the requests under way for each host name, client or header value. Further requests get 429. @default no limit */
  readonly maxConn?: MaxConn
  /** The request queue. Requests wait in it while each server has as many requests under way as its `maxConnections` allows. */
  readonly queue?: QueueConfig
  /**
   * The time over which the weight of a server grows to its full value, when the server is new or back in rotation.
   *
   * @default at once
   */
  readonly slowStart?: Duration
  /**
   * Looks up the host names of servers in DNS on a timer. Each address found then counts as one server.
   *
   * @default a host name counts as one server
   */
  readonly strictDns?: StrictDnsConfig
  /** Labels of the backend. @default none */
  readonly metadata?: Metadata
}

/** How often the host names of servers are looked up in DNS. Source: Envoy's strict DNS. */
export interface StrictDnsConfig {
  /** The time between two DNS lookups of a host name, varied by up to a tenth. @default "30s" */
  readonly interval?: Duration
}

/** The settings of a circuit breaker, which refuses requests to a backend that fails. Source: Traefik 1.7 `circuitBreaker`. */
export interface CircuitBreakerConfig {
  /**
   * The circuit breaker trips (refuses all requests) when this expression is true for the last ten seconds.
   *
   * @example 'NetworkErrorRatio() > 0.5'
   */
  readonly expression: string
  /** How long the tripped circuit breaker lets no request pass. @default "10s", as in Traefik */
  readonly fallbackDuration?: Duration
  /**
   * How long the circuit breaker recovers after that. It lets a growing share of the requests pass, and in the end all.
   *
   * @default "10s", as in Traefik
   */
  readonly recoveryDuration?: Duration
}

/** A limit on the requests under way that share a key, such as the client address. Source: Traefik 1.7 `maxConn`. */
export interface MaxConn {
  /** The largest number of requests under way for each key. Further requests get 429. */
  readonly amount: number
  /** The key of a request: `request.host`, `client.ip` or `request.header.NAME`. @default "request.host" */
  readonly extractorFunc?: string
}

/** The limits of the queue in which requests wait for a free server. Requests leave the queue in the order in which they came. */
export interface QueueConfig {
  /** The largest number of requests that may wait. Further requests get 503. @default 100 */
  readonly size?: number
  /** How long a request may wait. After that time it gets 503. @default "10s" */
  readonly timeout?: Duration
}

/** A duration as in Traefik: `"10s"`, `"1m30s"`, `"500ms"`. A bare number means seconds. */
export type Duration = string | number

/** How the health of a server is checked. Source: Traefik 1.7 `healthCheck`, with further fields. */
export interface HealthCheck {
  /** The path that the check requests by GET, such as `/health`. Required, except with `scheme: 'tcp'`. */
  readonly path?: string
  /**
   * The protocol of the check. With `tcp`, a server is healthy if it accepts a connection.
   *
   * @default the scheme of the server's URL
   */
  readonly scheme?: 'http' | 'https' | 'tcp'
  /** The port that the check connects to. @default the port of the server's URL */
  readonly port?: number
  /** The `Host` header that the check sends. @default the host and port of the server's URL */
  readonly hostname?: string
  /** Further headers that the check sends, by name. @default none */
  readonly headers?: Readonly<Record<string, string>>
  /** The time between two checks, varied by up to a tenth. @default "30s" */
  readonly interval?: Duration
  /** The longest time that one check may take. @default "5s" */
  readonly timeout?: Duration
  /** The response statuses of a healthy server: single ones and ranges, such as `"200,204"`. @default "200-399" */
  readonly status?: string
  /** A text that the first 64 KiB of the response's body must contain. @default none */
  readonly body?: string
  /** The number of consecutive failed checks after which a server is out of rotation. @default 1, as in Traefik */
  readonly unhealthyThreshold?: number
  /** The number of consecutive successful checks after which a server is back in rotation. @default 1, as in Traefik */
  readonly healthyThreshold?: number
}

/** When a server is ejected (taken out of rotation for a while), and for how long. Source: Envoy's outlier detection. */
export interface OutlierDetectionConfig {
  /** Consecutive failures after which a server is ejected. A failure is a response of 500 or more, or no response. @default 5 */
  readonly consecutiveFailures?: number
  /**
   * A server is ejected if at least this share of its requests in an interval has failed, from 0 to 1.
   *
   * @default 1, all requests
   */
  readonly failureShare?: number
  /** The smallest number of requests to a server in an interval for `failureShare` to count. @default 20 */
  readonly minimumRequests?: number
  /** The length of the interval in which the share of failed requests is measured. @default "10s" */
  readonly interval?: Duration
  /**
   * How long the first ejection of a server lasts. Each further ejection lasts twice as long as the one before. If the server has
   * stayed in rotation for longer than `maxEjectionTime`, the next ejection counts as the first again.
   *
   * @default "10s"
   */
  readonly ejectionTime?: Duration
  /** The longest duration of one ejection. @default "300s" */
  readonly maxEjectionTime?: Duration
  /**
   * The largest share of the servers that may be ejected at a time, from 0 to 1. The resulting number of servers is rounded down.
   * The last available server is never ejected.
   *
   * @default 0.5
   */
  readonly maxEjectedShare?: number
}

/** Limits on the size of bodies. The name `buffering` comes from Traefik, but the proxy does not buffer bodies. */
export interface Buffering {
  /**
   * The largest body of a request in bytes. A larger body gets 413. 0 or less means the default.
   *
   * @default the option `limits.bodyBytes`
   */
  readonly maxRequestBodyBytes?: number
}

/** How requests are balanced over the servers of a backend. Source: Traefik 1.7 `loadBalancer`. */
export interface LoadBalancer {
  /** The name of the strategy, which picks the server for a request. @default "wrr", weighted round robin */
  readonly method?: string
  /** Keeps each client on one server by means of a cookie. @default no cookie */
  readonly stickiness?: Stickiness
  /** Traefik's older form of `stickiness`. If true, the cookie has the name `_TRAEFIK_BACKEND`. @default false */
  readonly sticky?: boolean
  /** What the strategy `consistentHash` hashes: `clientIp`, `path`, `header:NAME` or `cookie:NAME`. @default "clientIp" */
  readonly hashBy?: string
}

/** The cookie that keeps a client on one server. Source: Traefik 1.7 `loadBalancer.stickiness`. */
export interface Stickiness {
  /** The name of the cookie. @default `_` and five digits made from the name of the backend */
  readonly cookieName?: string
  /** Whether the cookie has the attribute `Secure`: browsers then send it over TLS alone. @default false */
  readonly secure?: boolean
  /** Whether the cookie has the attribute `HttpOnly`: scripts in a page then cannot read it. @default false */
  readonly httpOnly?: boolean
  /** The attribute `SameSite` of the cookie. @default the cookie lacks the attribute */
  readonly sameSite?: 'none' | 'lax' | 'strict'
}

/** A server: one URL with a weight, as configured. */
export interface Server {
  /** An `http://` or `https://` URL. If it has a path, the proxy puts that path before the path of every request. */
  readonly url: string
  /** The server's share of the requests, relative to the other servers. With 0, it gets no new requests. @default 1 */
  readonly weight?: number
  /**
   * The largest number of connections to the server at a time. Each carries one request; further requests wait in the request
   * queue.
   *
   * @default no limit
   */
  readonly maxConnections?: number
  /** Labels of the server. The proxy shows them and does not interpret them. Source: Traefik 1.7 `tags`. @default none */
  readonly tags?: readonly string[]
  /** Labels of the server. @default none */
  readonly metadata?: Metadata
}
