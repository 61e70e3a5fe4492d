/**
 * The data of documents. Fields have the names of Traefik 1.7, so that a document written for it works here. Nothing in these
 * types is compiled, and no document changes after it was accepted.
 */
import type { Backend } from './backend.js'

export type {
  Backend,
  Buffering,
  CircuitBreakerConfig,
  Duration,
  HealthCheck,
  LoadBalancer,
  MaxConn,
  OutlierDetectionConfig,
  QueueConfig,
  Server,
  Stickiness,
  StrictDnsConfig,
} from './backend.js'

/**
 * A whole configuration, as one provider delivers it.
 *
 * @example
 * const document: ProviderConfig = {
 *   frontends: { web: { backend: 'web', rule: 'Host:www.example.com' } },
 *   backends: { web: { servers: { one: { url: 'http://10.0.0.4:8080' } } } },
 * }
 */
export interface ProviderConfig {
  /** A label of the document, for people: events and status show it. @default none; behind an alias, the alias value */
  readonly version?: string
  /** The prefix that the document claims to stand under. A document from a fetcher is refused if it claims another prefix. */
  readonly prefix?: string
  /** The frontends by name. */
  readonly frontends: Readonly<Record<string, Frontend>>
  /** The backends by name. */
  readonly backends: Readonly<Record<string, Backend>>
}

/** A named entry of a document: a condition for requests, a priority, and the backend that serves the requests. */
export interface Frontend {
  /** The name of a backend of the same provider, or `name@provider` for a backend of another provider. */
  readonly backend: string
  /** The condition. It is short for `routes` with one route. A frontend has either `rule` or `routes`, never both. */
  readonly rule?: string | RuleSpec
  /** Several rules by name. All of them must hold. Source: Traefik 1.7 `routes`. */
  readonly routes?: Readonly<Record<string, Route>>
  /** Frontends with a higher priority are tried first. 0 and less mean the default. @default the length of the rules' text */
  readonly priority?: number
  /** Names of the entry points on which the frontend answers. @default all entry points */
  readonly entryPoints?: readonly string[]
  /** The clients that may ask. Other clients get 403. @default all clients */
  readonly whiteList?: WhiteList
  /** If true, servers see the `Host` of the client. If false, they see the host of their own URL. @default true */
  readonly passHostHeader?: boolean
}

/**
 * An allow list of addresses. The proxy answers any other client with 403; it tries no other frontend for that request.
 * Source: Traefik 1.7 `whiteList`.
 */
export interface WhiteList {
  /** Addresses and ranges, IPv4 and IPv6. */
  readonly sourceRange: readonly string[]
  /** If true, the list is about the client address. If false, it is about the peer address, even of a proxy. @default false */
  readonly useXForwardedFor?: boolean
}

/** A named rule of a frontend. */
export interface Route {
  /** The rule, as text or as data. */
  readonly rule: string | RuleSpec
}

/**
 * A rule as data. All matchers in it must hold. If a matcher has several values, at least one must hold. A host that adds
 * matchers of its own can declare their keys by merging into this interface.
 *
 * @example { host: 'www.baidu.com', clientIp: ['10.1.1.0/24', '2001:db8::/32'] }
 */
export interface RuleSpec {
  /** Host names, compared without case, port and trailing dot. `*.` in front stands for any one label, `*` for any host. */
  readonly host?: OneOrMoreTexts
  /** Regular expressions in RE2's syntax, searched for in the lower-case host. */
  readonly hostRegexp?: OneOrMoreTexts
  /** Exact paths. */
  readonly path?: OneOrMoreTexts
  /** Text prefixes of the path. `/bar` also matches `/barn`, as in Traefik. */
  readonly pathPrefix?: OneOrMoreTexts
  /** Regular expressions in RE2's syntax, searched for in the path. */
  readonly pathRegexp?: OneOrMoreTexts
  /** Exact paths, as in `path`. The server gets `/`. Source: Traefik 1.7 `PathStrip`. */
  readonly pathStrip?: OneOrMoreTexts
  /** Paths with `{name:regexp}` groups. The server gets `/`. Source: Traefik 1.7 `PathStripRegex`. */
  readonly pathStripRegex?: OneOrMoreTexts
  /** Text prefixes, as in `pathPrefix`. The server gets the path without the prefix. Source: Traefik 1.7 `PathPrefixStrip`. */
  readonly pathPrefixStrip?: OneOrMoreTexts
  /**
   * Prefixes with `{name:regexp}` groups. The server gets the path without the matched prefix. Source: Traefik 1.7
   * `PathPrefixStripRegex`.
   */
  readonly pathPrefixStripRegex?: OneOrMoreTexts
  /** Methods. `GET` does not include `HEAD`. */
  readonly method?: OneOrMoreTexts
  /** Values by header name. Each header must have a line that equals its value. */
  readonly headers?: Readonly<Record<string, string>>
  /** Regular expressions by header name. Each expression must be found in a line of its header. */
  readonly headersRegexp?: Readonly<Record<string, string>>
  /** Values by key of the query. Each key must have a value that equals the given one. */
  readonly query?: Readonly<Record<string, string>>
  /** Regular expressions by key of the query. Each expression must be found in a value of its key. */
  readonly queryRegexp?: Readonly<Record<string, string>>
  /** Addresses and ranges that hold the client address, IPv4 and IPv6. */
  readonly clientIp?: OneOrMoreTexts
  /** A prefix for the path that the server gets. It holds for every request. Source: Traefik 1.7 `AddPrefix`. */
  readonly addPrefix?: string
  /** The path that the server gets. It holds for every request. Source: Traefik 1.7 `ReplacePath`. */
  readonly replacePath?: string
  /**
   * A regular expression, a blank, and the text that replaces its matches in the path that the server gets. It holds for every
   * request. Source: Traefik 1.7 `ReplacePathRegex`.
   *
   * @example '^/old/(.*) /new/$1'
   */
  readonly replacePathRegex?: string
  /** A list of rules. At least one must hold. */
  readonly any?: readonly RuleSpec[]
  /** A rule that must not hold. */
  readonly not?: RuleSpec
}

/** A text, or a list of texts of which at least one must hold. */
export type OneOrMoreTexts = string | readonly string[]
