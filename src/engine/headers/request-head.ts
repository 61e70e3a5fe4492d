/** The head of a client's request, as it came. It does not depend on the version of HTTP that the client speaks. */
export interface RequestHead {
  /** The HTTP method, as in `GET`. */
  readonly method: string
  /** The target of the request line: a path with a query, a full URL, or `*`. */
  readonly target: string
  /** The version of HTTP, as in `1.1`. */
  readonly httpVersion: string
  /** Header names and values in turn, in their order and spelling. */
  readonly rawHeaders: readonly string[]
  /** The header values by name in lower case. */
  readonly headers: RequestHeaders
  /** The connection on which the request came. */
  readonly connection: Peer
}

/** The other end of a client's connection. */
export interface Peer {
  /** The IP address of the peer. `undefined` on a Unix socket, and once the connection has closed. */
  readonly peerAddress: string | undefined
  /** The port of the peer. `undefined` where there is no address. */
  readonly peerPort: number | undefined
  /** Whether the connection came over a Unix socket. */
  readonly isLocal: boolean
  /** Whether the connection uses TLS. */
  readonly isEncrypted: boolean
}

/**
 * Header values by name in lower case. The values of several lines of a name are joined by commas, as RFC 9110 (5.3) allows. If a
 * header must have one line, as `Host` must, the first line counts.
 */
export interface RequestHeaders {
  readonly [name: string]: string | string[] | undefined
  readonly accept?: string | undefined
  readonly authorization?: string | undefined
  readonly connection?: string | undefined
  readonly 'content-length'?: string | undefined
  readonly expect?: string | undefined
  readonly forwarded?: string | undefined
  readonly host?: string | undefined
  readonly referer?: string | undefined
  readonly 'transfer-encoding'?: string | undefined
  readonly upgrade?: string | undefined
  readonly 'user-agent'?: string | undefined
  readonly via?: string | undefined
}
