/** A named group of servers, and how requests are balanced over them. */
export interface Backend {
  /** The servers by name. A backend without servers answers with 503. */
  readonly servers: Readonly<Record<string, Server>>
  /** How requests are balanced over the servers. @default weighted round robin */
  readonly loadBalancer?: LoadBalancer
  /** Limits on bodies. @default none of its own */
  readonly buffering?: Buffering
  /** Checks of each server's health. A server whose checks fail is out of rotation. @default no checks */
  readonly healthCheck?: HealthCheck
  /**
   * Takes a server out of rotation when requests to it fail.
   *
   * @default only a server that cannot be connected to is taken out
   */
  readonly outlierDetection?: OutlierDetectionConfig
  /** Refuses all requests to the backend for a while when too many of them fail. @default none */
  readonly circuitBreaker?: CircuitBreakerConfig
  /** Limits the requests under way for each host, client or header value. More get 429. @default no limit */
  readonly maxConn?: MaxConn
  /** The request queue. Requests wait in it while every server has as many as its `maxConnections` allows. */
  readonly queue?: QueueConfig
  /** The time over which a server that is new, or back in rotation, grows to its full weight. @default at once */
  readonly slowStart?: Duration
  /** Looks up the names of servers on a timer. Each address then counts as one server. @default a name counts as one server */
  readonly strictDns?: StrictDnsConfig
}

/** How the names of servers are looked up. Source: Envoy's strict DNS. */
export interface StrictDnsConfig {
  /** The time between two lookups, varied by up to a tenth. @default "30s" */
  readonly interval?: Duration
}

/** When a circuit breaker keeps requests from a backend. Source: Traefik 1.7 `circuitBreaker`. */
export interface CircuitBreakerConfig {
  /**
   * The breaker trips when this expression holds over the last ten seconds.
   *
   * @example 'NetworkErrorRatio() > 0.5'
   */
  readonly expression: string
  /** How long the tripped breaker lets no request pass. @default "10s", as in Traefik */
  readonly fallbackDuration?: Duration
  /** How long the recovering breaker needs until it lets all requests pass again. @default "10s", as in Traefik */
  readonly recoveryDuration?: Duration
}

/** A limit on the requests under way that share a key. Source: Traefik 1.7 `maxConn`. */
export interface MaxConn {
  /** The number of requests under way for each key. More get 429. */
  readonly amount: number
  /** The key: `request.host`, `client.ip` or `request.header.NAME`. @default "request.host" */
  readonly extractorFunc?: string
}

/** The limits of a request queue. Requests leave it in the order in which they came. */
export interface QueueConfig {
  /** The number of requests that may wait. More get 503. @default 100 */
  readonly size?: number
  /** How long a request may wait. After that it gets 503. @default "10s" */
  readonly timeout?: Duration
}

/** A duration as in Traefik: `"10s"`, `"1m30s"`, `"500ms"`. A bare number means seconds. */
export type Duration = string | number

/** How the health of a server is checked. Source: Traefik 1.7 `healthCheck`, with further fields. */
export interface HealthCheck {
  /** The path that the check asks for by GET, such as `/health`. Required, except with `scheme: 'tcp'`. */
  readonly path?: string
  /** With `tcp`, a server is healthy if it accepts a connection. @default the scheme of the server's URL */
  readonly scheme?: 'http' | 'https' | 'tcp'
  /** The port to connect to. @default the port of the server's URL */
  readonly port?: number
  /** The `Host` that the check sends. @default the host of the server's URL */
  readonly hostname?: string
  /** Further headers that the check sends, by name. @default none */
  readonly headers?: Readonly<Record<string, string>>
  /** The time between two checks, varied by up to a tenth. @default "30s" */
  readonly interval?: Duration
  /** The time that one check may take. @default "5s" */
  readonly timeout?: Duration
  /** The statuses of a healthy server: single ones and ranges, such as `"200,204"`. @default "200-399" */
  readonly status?: string
  /** A text that the first 64 KiB of the body must contain. @default none */
  readonly body?: string
  /** The number of consecutive failed checks after which a server is out of rotation. @default 1, as in Traefik */
  readonly unhealthyThreshold?: number
  /** The number of consecutive successful checks after which a server is back in rotation. @default 1, as in Traefik */
  readonly healthyThreshold?: number
}

/** When a server is ejected, and for how long. Source: Envoy's outlier detection. */
export interface OutlierDetectionConfig {
  /** Consecutive failures after which a server is ejected: a response of 500 or more, or no response. @default 5 */
  readonly consecutiveFailures?: number
  /** Share of failed requests in an interval from which on a server is ejected, from 0 to 1. @default 1, all requests */
  readonly failureShare?: number
  /** The number of requests in an interval below which `failureShare` does not count. @default 20 */
  readonly minimumRequests?: number
  /** The time over which `failureShare` is measured. @default "10s" */
  readonly interval?: Duration
  /**
   * The time of a first ejection. Each next one lasts twice as long, until the server has stayed in rotation for longer than
   * `maxEjectionTime`.
   *
   * @default "10s"
   */
  readonly ejectionTime?: Duration
  /** The longest time of an ejection. @default "300s" */
  readonly maxEjectionTime?: Duration
  /** Share of the servers that may be ejected at a time, from 0 to 1, rounded down. One server always stays. @default 0.5 */
  readonly maxEjectedShare?: number
}

/** Limits on bodies. The name comes from Traefik. The proxy buffers no body. */
export interface Buffering {
  /** Bytes of a request's body. Larger ones get 413. 0 and less mean the default. @default the option `limits.bodyBytes` */
  readonly maxRequestBodyBytes?: number
}

/** How requests are balanced over the servers of a backend. Source: Traefik 1.7 `loadBalancer`. */
export interface LoadBalancer {
  /** The name of a strategy. @default "wrr", weighted round robin */
  readonly method?: string
  /** Keeps a client on one server by a cookie. @default none */
  readonly stickiness?: Stickiness
  /** Traefik's old form of `stickiness`: a cookie with the name `_TRAEFIK_BACKEND`. @default false */
  readonly sticky?: boolean
  /** The key of the strategy `consistentHash`: `clientIp`, `path`, `header:NAME` or `cookie:NAME`. @default "clientIp" */
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
  /** The server's share of the requests, relative to the other servers. 0: no new requests. @default 1 */
  readonly weight?: number
  /** Connections to the server at a time, each with one request. Further requests wait in the queue. @default no limit */
  readonly maxConnections?: number
  /** Labels of the server. The proxy shows them and does not interpret them. Source: Traefik 1.7 `tags`. @default none */
  readonly tags?: readonly string[]
}
