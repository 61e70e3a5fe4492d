import type { Metadata } from './metadata.js'

/**
 * The facts of a request that rules test. They are plain data, so that routing can be tested without a socket.
 *
 * `path` and `host` are in normal form. The proxy normalises them before it matches rules, and a test must write them normalised.
 * `factsOf` of `switchover/testing` makes facts from a URL.
 */
export interface RequestFacts {
  /** The HTTP method as on the request line, in upper case. */
  readonly method: string
  /** The host name in lower case, without port and trailing dot. IPv6 keeps its brackets. `''` if the request names no host. */
  readonly host: string
  /** The path from `/` on. Dot segments are resolved, encoded unreserved characters are decoded, the rest is as sent. */
  readonly path: string
  /** The query string without the `?`. `''` if the URL has none. */
  readonly query: string
  /** The headers by lower-case name. A header that occurs in several lines has a list of values. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>
  /**
   * The client address, after trusted proxies are accounted for. It is in normal form: IPv6 in lower case and short (RFC 5952), a
   * mapped address as IPv4, no port and no zone. `''` if the client has no address: it came over a Unix socket, or a trusted
   * proxy does not name it. A `ClientIP` matcher then has no result: neither it nor its negation holds.
   */
  readonly clientAddress: string
  /**
   * The address of the socket's other end. Limits, hashes and logs by client use it if the client has no address. `''` on a Unix
   * socket. Facts that a test writes by hand may lack it.
   */
  readonly peerAddress?: string
  /** The name of the entry point (listening address) that received the request. Absent if the listener has no name. */
  readonly entryPoint?: string
}

/**
 * Makes the test of a matcher from its values in a rule, once for each rule. If a value cannot be used, the factory throws, and
 * the message becomes an issue of the rule. A test that returns neither true nor false, such as a promise, is unknown. Then
 * neither the rule nor its negation holds.
 *
 * @example const tenant: MatcherFactory = (values) => (facts) => values.includes(String(facts.headers['x-tenant']))
 */
export type MatcherFactory = (
  values: readonly string[],
  context: MatcherContext,
) => (facts: RequestFacts) => boolean

/**
 * What the factory of a matcher is told of the rule that it works for.
 *
 * @example
 * const sameTeam: MatcherFactory = (_values, { metadata }) => ({ headers }) => headers['x-team'] === metadata['team']
 */
export interface MatcherContext {
  /** The labels of the frontend that has the rule. Empty if it has none. */
  readonly metadata: Metadata
}
