/**
 * What is configured: plain readonly data with the field names of Traefik 1.7, so that a document written for
 * it works here. Nothing in these types is compiled, and nothing in them changes once a document was accepted.
 */

/** A whole configuration, as one provider delivers it. */
export interface ProviderConfig {
  /** The document's own label, shown in events and status. A provider that follows an alias defaults it to the alias value. */
  readonly version?: string
  /** The prefix that the document says it stands under. A fetcher's document whose prefix is another is not installed. */
  readonly prefix?: string
  readonly frontends: Readonly<Record<string, Frontend>>
  readonly backends: Readonly<Record<string, Backend>>
}

/** A named entry: which requests (rule, priority), and which backend serves them. */
export interface Frontend {
  /** Name of a backend of the same provider, or `name@provider` for another provider's. */
  readonly backend: string
  /** Short for one route. A frontend has either `rule` or `routes`, never both. */
  readonly rule?: string | RuleSpec
  /** Traefik's form: several named rules, *all* of which must hold. */
  readonly routes?: Readonly<Record<string, Route>>
  /** Higher is tried first. Absent, 0 or negative: the length of the rules' text, as in Traefik 1.7. */
  readonly priority?: number
  /** Names of the entry points this frontend answers on. Absent: all. */
  readonly entryPoints?: readonly string[]
  /** Who may ask at all; others get 403. */
  readonly whiteList?: WhiteList
  /** Whether servers see the client's `Host` (default true) or the host of their own URL (false). */
  readonly passHostHeader?: boolean
}

/** Addresses that may ask; nobody else is let through to another frontend either. Source: Traefik 1.7 `whiteList`. */
export interface WhiteList {
  /** Addresses and ranges, IPv4 and IPv6. */
  readonly sourceRange: readonly string[]
  /** Whether the client address counts. Default false: the socket's, whoever is behind it. */
  readonly useXForwardedFor?: boolean
}

/** One of a frontend's named rules. */
export interface Route {
  readonly rule: string | RuleSpec
}

/**
 * A rule as data: every matcher named must hold; of a matcher's several values, one must.
 *
 * @example { host: 'www.baidu.com', clientIp: ['10.1.1.0/24', '2001:db8::/32'] }
 *
 * A host that adds matchers of its own can declare their keys by merging into this interface.
 */
export interface RuleSpec {
  /** Host names, compared without case, port and trailing dot; `*.` before one is any one label, `*` any host. */
  readonly host?: Several
  /** Regular expressions (RE2's syntax), found in the host in small letters. */
  readonly hostRegexp?: Several
  /** Exact paths. */
  readonly path?: Several
  /** Plain string prefixes of the path: `/bar` takes `/barn` too, as in Traefik. */
  readonly pathPrefix?: Several
  /** Regular expressions, found in the path. */
  readonly pathRegexp?: Several
  /** As `path`, and servers get `/`. Source, as of the next three: Traefik 1.7. */
  readonly pathStrip?: Several
  /** Paths with `{name:regexp}` groups, and servers get `/`. */
  readonly pathStripRegex?: Several
  /** As `pathPrefix`, and servers get the path without it. */
  readonly pathPrefixStrip?: Several
  /** Prefixes with `{name:regexp}` groups, and servers get the path without what they took. */
  readonly pathPrefixStripRegex?: Several
  /** Methods; `HEAD` is not `GET`. */
  readonly method?: Several
  /** Header name to value; one line of each header named must equal its value. */
  readonly headers?: Readonly<Record<string, string>>
  /** Header name to regular expression, found in one line of each header named. */
  readonly headersRegexp?: Readonly<Record<string, string>>
  /** Key to value; one value of each key named must equal it. */
  readonly query?: Readonly<Record<string, string>>
  /** Key to regular expression, found in one value of each key named. */
  readonly queryRegexp?: Readonly<Record<string, string>>
  /** Addresses and ranges of the client address, IPv4 and IPv6. */
  readonly clientIp?: Several
  /** Put before the path that servers get; holds for every request. */
  readonly addPrefix?: string
  /** The path that servers get; holds for every request. */
  readonly replacePath?: string
  /** A regular expression, a blank, and what takes the place of its matches in the path that servers get. */
  readonly replacePathRegex?: string
  /** Rules of which one must hold. */
  readonly any?: readonly RuleSpec[]
  /** A rule that must not hold. */
  readonly not?: RuleSpec
}

/** One text, or a list of which one must hold. */
type Several = string | readonly string[]

/** A named group of servers and how to balance them. */
export interface Backend {
  readonly servers: Readonly<Record<string, Server>>
  readonly loadBalancer?: LoadBalancer
  readonly buffering?: Buffering
  /** Asks each server again and again whether it is well; one that is not is out of rotation. */
  readonly healthCheck?: HealthCheck
  /** Takes servers out of rotation by how requests to them go. Without it, only those that cannot be connected to. */
  readonly outlierDetection?: OutlierDetectionConfig
  /** Keeps all requests away for a while when too many of them go wrong. */
  readonly circuitBreaker?: CircuitBreakerConfig
  /** How many requests of one client, or of whatever tells them apart, may be under way; more get 429. Default: any number. */
  readonly maxConn?: MaxConn
  /** Where requests wait while every server has all that its `maxConnections` allows. */
  readonly queue?: QueueConfig
  /** Over how long a server that is new, or back again, comes to its whole weight. Default: at once. */
  readonly slowStart?: Duration
  /** Looks names of servers up on a timer: each address is a server of its own. Default: a name is one server. */
  readonly strictDns?: StrictDnsConfig
}

/** How names of servers are looked up. Source: Envoy's strict DNS. */
export interface StrictDnsConfig {
  /** From one lookup to the next, a tenth more or less. Default `"30s"`. */
  readonly interval?: Duration
}

/** When requests are kept away from a backend. Source: Traefik 1.7 `circuitBreaker`. */
export interface CircuitBreakerConfig {
  /** Looked at over the last ten seconds, for example `NetworkErrorRatio() > 0.5`. */
  readonly expression: string
  /** How long none passes. Default `"10s"`, Traefik's. */
  readonly fallbackDuration?: Duration
  /** How long it takes until all pass again. Default `"10s"`, Traefik's. */
  readonly recoveryDuration?: Duration
}

/** Requests under way that are told apart by a key. Source: Traefik 1.7 `maxConn`. */
export interface MaxConn {
  /** Under way at a time for each key. */
  readonly amount: number
  /** The key: `request.host` (default), `client.ip` or `request.header.NAME`. */
  readonly extractorFunc?: string
}

/** Requests that wait for a server, in the order in which they came. */
export interface QueueConfig {
  /** Default 100; more get 503. */
  readonly size?: number
  /** Then they get 503. Default `"10s"`. */
  readonly timeout?: Duration
}

/** As in Traefik: `"10s"`, `"1m30s"`, `"500ms"`; a bare number is seconds. */
export type Duration = string | number

/** How a server is asked whether it is well. Source: Traefik 1.7 `healthCheck`, and what others have beside it. */
export interface HealthCheck {
  /** What is asked for by GET, like `/health`. Required, but for `tcp`. */
  readonly path?: string
  /** Default: that of the server's URL. `tcp`: it is well if it takes a connection. */
  readonly scheme?: 'http' | 'https' | 'tcp'
  /** Default: that of the server's URL. */
  readonly port?: number
  /** The `Host` that is sent. Default: that of the server's URL. */
  readonly hostname?: string
  readonly headers?: Readonly<Record<string, string>>
  /** From one check to the next, a tenth more or less. Default `"30s"`. */
  readonly interval?: Duration
  /** For one check. Default `"5s"`. */
  readonly timeout?: Duration
  /** Which are well: `"200-399"` (default), `"200,204"`. */
  readonly status?: string
  /** A text that the body must hold, in its first 64 KiB. Default: none. */
  readonly body?: string
  /** Checks that must fail in a row before a server is out. Default 1, as in Traefik. */
  readonly unhealthyThreshold?: number
  /** Checks that must be well in a row before it is back. Default 1, as in Traefik. */
  readonly healthyThreshold?: number
}

/** When a server is ejected, and for how long. Source: Envoy's outlier detection. */
export interface OutlierDetectionConfig {
  /** Responses of 500 and more, and failures to get one, in a row. Default 5. */
  readonly consecutiveFailures?: number
  /** Of the requests in an interval, the share that may not fail, from 0 to 1. Default 1: all. */
  readonly failureShare?: number
  /** How many requests an interval must have had for that. Default 20. */
  readonly minimumRequests?: number
  /** Default `"10s"`. */
  readonly interval?: Duration
  /** The first time; each further one in a row takes twice as long. Default `"10s"`. */
  readonly ejectionTime?: Duration
  /** Default `"300s"`. */
  readonly maxEjectionTime?: Duration
  /** Of a backend's servers, the share that may be ejected at a time, from 0 to 1; never all. Default 0.5. */
  readonly maxEjectedShare?: number
}

/** Limits on what passes. The name is Traefik's; nothing is buffered here. */
export interface Buffering {
  /** Bytes of a request's body; more get 413. 0 and less: the proxy's `limits.bodyBytes`. */
  readonly maxRequestBodyBytes?: number
}

/** How requests are spread over a backend's servers. */
export interface LoadBalancer {
  /** A strategy's name; default `wrr`, weighted round robin. */
  readonly method?: string
  /** Keeps a client on one server by a cookie. Default: none. */
  readonly stickiness?: Stickiness
  /** Traefik's old form of it: a cookie `_TRAEFIK_BACKEND`. */
  readonly sticky?: boolean
  /** Of `consistentHash`: `clientIp` (default), `path`, `header:NAME` or `cookie:NAME`. */
  readonly hashBy?: string
}

/** The cookie that keeps a client on one server. Source: Traefik 1.7 `loadBalancer.stickiness`. */
export interface Stickiness {
  /** Default: `_` and five digits that follow from the backend's name. */
  readonly cookieName?: string
  readonly secure?: boolean
  readonly httpOnly?: boolean
  readonly sameSite?: 'none' | 'lax' | 'strict'
}

/** One URL with a weight, as configured. */
export interface Server {
  /** `http://` or `https://`; a path in it is prepended to every request's. */
  readonly url: string
  /** Share of the backend's requests; default 1. 0: no new requests. */
  readonly weight?: number
  /** Requests under way on it at a time, each on a connection of its own; more wait. Default: any number. */
  readonly maxConnections?: number
}
