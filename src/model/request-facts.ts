/**
 * What a rule may see of a request: plain data, so that routing is unit-tested without a socket.
 *
 * `path` and `host` are in normal form: the proxy makes them so before it matches, and a test should write
 * them so.
 */
export interface RequestFacts {
  /** Upper case, as on the request line. */
  readonly method: string
  /** Lower case, without port and trailing dot; `''` if the request named none. IPv6 keeps its brackets. */
  readonly host: string
  /** Begins with `/`; dot segments resolved, encoded unreserved characters decoded, all else as sent. */
  readonly path: string
  /** Without the `?`; `''` if there is none. */
  readonly query: string
  /** Lower-case names; an array where a header came in several lines. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>
  /**
   * Who asked, after trusted proxies are accounted for. In normal form: IPv6 in small letters and short (RFC 5952), a mapped
   * address as IPv4, without port and zone. `''`: the client has no address, for it came over a Unix socket or a trusted proxy
   * does not say; then `ClientIP` is unknown.
   */
  readonly clientAddress: string
  /**
   * The address of the socket. What limits, hashes and logs by client take where the client has no address. `''` on a Unix
   * socket; absent in facts that were written by hand.
   */
  readonly peerAddress?: string
  /** Name of the listener it came in on, if that has one. */
  readonly entryPoint?: string
}

/**
 * Compiles a matcher's values, once, to a test of the facts. Throws if a value cannot be used; the message
 * becomes the rule's issue. An answer that is neither true nor false, a promise for example, is unknown: neither the rule
 * nor its contrary holds then.
 */
export type MatcherFactory = (values: readonly string[]) => (facts: RequestFacts) => boolean
