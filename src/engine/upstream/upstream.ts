import type { RequestBytes } from './request-bytes.js'
import type { ResponseHandler, ServerConnection } from './server-connection.js'

/**
 * The live side of a server: the connections to one origin (`http://host:port`), or to one IP address of an origin. All backends and
 * generations with a server of that origin share the upstream. The engine sends requests only through this interface.
 * `http1-upstream.ts` is the implementation, on undici.
 */
export interface Upstream {
  /** The origin of the server's URL: its scheme, host and port, as in `http://host:port`. */
  readonly origin: string
  /** The IP address to connect to. Undefined: each connection looks up the host name and takes one of its addresses. */
  readonly address: string | undefined
  /** The key under which this upstream is kept in a map: its origin and IP address. */
  readonly key: string
  /** Milliseconds of silence before the operating system probes the other side: the option `timeouts.tcpKeepAliveMs`. */
  readonly tcpKeepAliveMs: number
  /** The number of open connections, and the number of idle connections among them. */
  readonly connections: { readonly open: number; readonly idle: number }
  /** Whether the upstream has connections, or sockets that have not closed yet. */
  readonly isOpen: boolean
  /**
   * The time when the last configuration with this server was replaced, in milliseconds of `performance.now()`. Undefined while
   * the server is still in a configuration.
   */
  leftAt: number | undefined

  /**
   * Sends a request. Reports every outcome, also an error, to the handler, and therefore never throws.
   *
   * @param fresh whether the request needs a new connection. After one stale connection, the other idle ones may be stale too.
   * @param places the connection limit of the backend that the request is for
   */
  dispatch(request: RequestBytes, handler: ResponseHandler, fresh?: boolean, places?: Places): void
  /** Returns a new connection for the requests of a single client connection. It opens with its first request. */
  openPrivate(places: Places): ServerConnection
  /**
   * Returns the object that counts and limits the sockets of a backend to this server. The same object is returned for as long as
   * a server or a socket of that backend refers to it.
   */
  placesOf(backend: string): Places
  /**
   * Sets the number of sockets that a backend may have to this server. Idle connections above that number end now. Busy
   * connections above it end after their requests.
   */
  limit(places: Places, maxConnections: number): void
  /** Removes the limit on the number of sockets that a backend may have to this server. */
  unlimit(backend: string): void
  /**
   * Closes idle connections now, and each busy connection when its request has ended. A later request for this server can still
   * open a new connection. One long request may keep the upstream in use for a long time, and unused idle connections must not
   * stay open until then.
   */
  closeIdle(): void
  /** Ends all idle connections at once. @returns the number of connections that ended */
  dropIdle(): number
  /** Closes each connection when its request has ended. Resolves when the last socket has closed, also the sockets of tunnels. */
  close(): Promise<void>
  /** Cuts every connection at once, and refuses a connection to every caller that waits for one. */
  destroy(): Promise<void>
}

/** What counts and limits the sockets of one backend to one server. Only the upstream that has made it looks inside. */
export interface Places {
  /** Whether the backend has as many sockets as it may have. */
  readonly isFull: boolean
}

/** Returns the key of an upstream. */
export function keyOfUpstream(origin: string, address: string | undefined): string {
  return address === undefined ? origin : `${origin} ${address}`
}
