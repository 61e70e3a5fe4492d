/**
 * This file has the types of configuration documents. Their fields have the names of Traefik 1.7, so that a document for Traefik
 * 1.7 works here. The types describe documents before they are compiled. A document never changes after the proxy has accepted
 * it.
 */
import type { Backend } from './backend.js'
import type { Metadata } from './metadata.js'

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
export type { EntryMetadata, Metadata } from './metadata.js'

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
  /**
   * A label of the document for people, shown by events and the status server.
   *
   * @default none; if the document is fetched by an alias value, that value
   */
  readonly version?: string
  /**
   * The prefix under which the document is stored, as the document itself says. A fetched document is refused if it names another
   * prefix than the requested one.
   */
  readonly prefix?: string
  /** The frontends by name. */
  readonly frontends: Readonly<Record<string, Frontend>>
  /** The backends by name. */
  readonly backends: Readonly<Record<string, Backend>>
  /** Labels of the document, for example who published it. @default none */
  readonly metadata?: Metadata
}

/** What a document says of itself, for people. */
export type DocumentLabels = Pick<ProviderConfig, 'version' | 'metadata'>

/** A named entry of a document: a condition for requests, a priority, and the backend that serves the requests. */
export interface Frontend {
  /** The name of a backend of the same provider, or `name@provider` for a backend of another provider. */
  readonly backend: string
  /**
   * The condition for requests. It is the short form of `routes` with one route. A frontend has either `rule` or `routes`, never
   * both.
   */
  readonly rule?: string | RuleSpec
  /** Several rules by name. A request must match all of them. Source: Traefik 1.7 `routes`. */
  readonly routes?: Readonly<Record<string, Route>>
  /**
   * Frontends with a higher priority are tried first. 0 means the default. So does a negative number, unless all rules are in
   * Traefik 3's form.
   *
   * @default the length of the rules' text
   */
  readonly priority?: number
  /** Names of the entry points (listening addresses) whose requests the frontend serves. @default all entry points */
  readonly entryPoints?: readonly string[]
  /** The allowed clients. Other clients get 403. @default all clients */
  readonly whiteList?: WhiteList
  /**
   * If true, the server gets the `Host` header of the client. If false, its `Host` header names the host of its URL.
   *
   * @default true
   */
  readonly passHostHeader?: boolean
  /** Labels of the frontend. @default none */
  readonly metadata?: Metadata
}

/**
 * An allow list of addresses. The proxy answers a request of any other client with 403, and tries no other frontend for it.
 * Source: Traefik 1.7 `whiteList`.
 */
export interface WhiteList {
  /** The allowed addresses and ranges (CIDR), IPv4 and IPv6. */
  readonly sourceRange: readonly string[]
  /**
   * If true, the list applies to the client address. If false, it applies to the peer address, even if the peer is a proxy.
   *
   * @default false
   */
  readonly useXForwardedFor?: boolean
}

/** A named rule of a frontend. */
export interface Route {
  /** The rule, as text or as data. */
  readonly rule: string | RuleSpec
}

/**
 * A rule as data. A request must satisfy all matchers in it. If a matcher has several values, the request must satisfy at least
 * one of them. An application that adds its own matchers can declare their keys by TypeScript's declaration merging with this
 * interface.
 *
 * @example { host: 'www.baidu.com', clientIp: ['10.1.1.0/24', '2001:db8::/32'] }
 */
export interface RuleSpec {
  /**
   * Host names, compared without case, port and trailing dot. `*.` at the beginning stands for any one label, `*` for any host
   * name.
   */
  readonly host?: OneOrMoreTexts
  /** Regular expressions in RE2's syntax, searched for in the lower-case host name. */
  readonly hostRegexp?: OneOrMoreTexts
  /** Paths, one of which must equal the path of the request. */
  readonly path?: OneOrMoreTexts
  /** Prefixes of the path, compared as text: `/bar` also matches `/barn`, as in Traefik. */
  readonly pathPrefix?: OneOrMoreTexts
  /** Regular expressions in RE2's syntax, searched for in the path. */
  readonly pathRegexp?: OneOrMoreTexts
  /** Exact paths, as in `path`. The server gets the path `/` instead. Source: Traefik 1.7 `PathStrip`. */
  readonly pathStrip?: OneOrMoreTexts
  /** Paths with `{name:regexp}` groups. The server gets the path `/` instead. Source: Traefik 1.7 `PathStripRegex`. */
  readonly pathStripRegex?: OneOrMoreTexts
  /**
   * Prefixes of the path, as in `pathPrefix`. The server gets the path without the prefix. Source: Traefik 1.7 `PathPrefixStrip`.
   */
  readonly pathPrefixStrip?: OneOrMoreTexts
  /**
   * Prefixes of the path with `{name:regexp}` groups. The server gets the path without the matched prefix. Source: Traefik 1.7
   * `PathPrefixStripRegex`.
   */
  readonly pathPrefixStripRegex?: OneOrMoreTexts
  /** HTTP methods. `GET` does not include `HEAD`. */
  readonly method?: OneOrMoreTexts
  /** Values by header name. Each of these headers must have a line that equals the given value. */
  readonly headers?: Readonly<Record<string, string>>
  /** Regular expressions by header name. Each expression must be found in a line of that header. */
  readonly headersRegexp?: Readonly<Record<string, string>>
  /** Values by name of a query parameter. The request must have each of these parameters with the given value. */
  readonly query?: Readonly<Record<string, string>>
  /** Regular expressions by name of a query parameter. Each expression must be found in a value of that parameter. */
  readonly queryRegexp?: Readonly<Record<string, string>>
  /** Addresses and ranges (CIDR), IPv4 and IPv6. At least one must contain the client address. */
  readonly clientIp?: OneOrMoreTexts
  /**
   * A prefix that is added to the path that the server gets. This matcher is no condition: every request matches it. Source:
   * Traefik 1.7 `AddPrefix`.
   */
  readonly addPrefix?: string
  /**
   * The path that the server gets instead of the requested one. This matcher is no condition: every request matches it. Source:
   * Traefik 1.7 `ReplacePath`.
   */
  readonly replacePath?: string
  /**
   * A regular expression, a space, and a replacement. In the path that the server gets, each match of the expression is replaced.
   * This matcher is no condition: every request matches it. Source: Traefik 1.7 `ReplacePathRegex`.
   *
   * @example '^/old/(.*) /new/$1'
   */
  readonly replacePathRegex?: string
  /** A list of rules. A request must match at least one of them. */
  readonly any?: readonly RuleSpec[]
  /** A rule that a request must not match. */
  readonly not?: RuleSpec
}

/** One value of a matcher, or a list of values of which at least one must match. */
export type OneOrMoreTexts = string | readonly string[]
