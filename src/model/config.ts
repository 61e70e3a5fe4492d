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
  /** Whether servers see the client's `Host` (default true) or the host of their own URL (false). */
  readonly passHostHeader?: boolean
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
  /** Host names, compared without case, port and trailing dot. */
  readonly host?: string | readonly string[]
  /** Exact paths. */
  readonly path?: string | readonly string[]
  /** Plain string prefixes of the path: `/bar` takes `/barn` too, as in Traefik 1.7. */
  readonly pathPrefix?: string | readonly string[]
  /** Methods; `HEAD` is not `GET`. */
  readonly method?: string | readonly string[]
  /** Header name to value; one line of each header named must equal its value. */
  readonly headers?: Readonly<Record<string, string>>
  /** Addresses and ranges of the client address, IPv4 and IPv6. */
  readonly clientIp?: string | readonly string[]
}

/** A named group of servers and how to balance them. */
export interface Backend {
  readonly servers: Readonly<Record<string, Server>>
  readonly loadBalancer?: LoadBalancer
  readonly buffering?: Buffering
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
}

/** One URL with a weight, as configured. */
export interface Server {
  /** `http://` or `https://`; a path in it is prepended to every request's. */
  readonly url: string
  /** Share of the backend's requests; default 1. 0: no new requests. */
  readonly weight?: number
}
